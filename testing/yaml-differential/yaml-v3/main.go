// Command yaml-v3 prints how gopkg.in/yaml.v3 reads texts.
//
// Standard input holds texts, standard output the results, in the same order. Each is preceded by
// its length in bytes, 32 bits in little-endian order. A result is the error's text after "error: ",
// or one line for each node, in the order of the text.
package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"gopkg.in/yaml.v3"
)

func main() {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := bufio.NewWriterSize(os.Stdout, 1<<20)
	for {
		text, err := readText(in)
		if err == io.EOF {
			break
		}
		check(err)
		result := read(text)
		check(binary.Write(out, binary.LittleEndian, uint32(len(result))))
		_, err = out.WriteString(result)
		check(err)
	}
	check(out.Flush())
}

func readText(in io.Reader) ([]byte, error) {
	var length uint32
	if err := binary.Read(in, binary.LittleEndian, &length); err != nil {
		return nil, err
	}
	text := make([]byte, length)
	_, err := io.ReadFull(in, text)
	return text, err
}

func read(text []byte) (result string) {
	defer func() {
		if failure := recover(); failure != nil {
			result = fmt.Sprintf("panic: %v", failure)
		}
	}()
	var document yaml.Node
	err := yaml.NewDecoder(bytes.NewReader(text)).Decode(&document)
	if errors.Is(err, io.EOF) {
		return "no document"
	}
	if err != nil {
		return "error: " + err.Error()
	}
	var lines strings.Builder
	for _, root := range document.Content {
		write(&lines, root)
	}
	return lines.String()
}

// write prints a node and its children. Aliases are not followed: they may lead back.
func write(lines *strings.Builder, node *yaml.Node) {
	tag := "-"
	if node.Style&yaml.TaggedStyle != 0 {
		tag = quoted(node.Tag) + " " + quoted(node.ShortTag()) + " " + quoted(node.LongTag())
	}
	fmt.Fprintf(lines, "%s %d:%d %s tag %s anchor %s children %d value %s\n",
		kinds[node.Kind], node.Line, node.Column, style(node.Style), tag, quoted(node.Anchor),
		len(node.Content), quoted(node.Value))
	for _, child := range node.Content {
		write(lines, child)
	}
}

var kinds = map[yaml.Kind]string{
	yaml.ScalarNode:   "scalar",
	yaml.SequenceNode: "sequence",
	yaml.MappingNode:  "mapping",
	yaml.AliasNode:    "alias",
}

func style(style yaml.Style) string {
	switch style &^ yaml.TaggedStyle {
	case 0:
		return "plain"
	case yaml.DoubleQuotedStyle:
		return "double"
	case yaml.SingleQuotedStyle:
		return "single"
	case yaml.LiteralStyle:
		return "literal"
	case yaml.FoldedStyle:
		return "folded"
	case yaml.FlowStyle:
		return "flow"
	}
	return fmt.Sprint(uint32(style))
}

// quoted puts a text on one line.
func quoted(text string) string {
	return `"` + escapes.Replace(text) + `"`
}

var escapes = strings.NewReplacer(`\`, `\\`, "\n", `\n`)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
