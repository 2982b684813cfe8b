// Tells what Go's regexp knows of Unicode and how it reads patterns, for comparison with ours.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strconv"
)

const help = `usage: patterns table              writes src/evaluator/pattern/unicode.txt
       patterns classes            one JSON object a line: each class that \p takes, plain and folded
       patterns names              one JSON object a line: what names \p takes
       patterns folds              one JSON object a line: what (?i) makes of each code point
       patterns cases COUNT SEED   one JSON object a line: a random pattern, and what it matches
`

func main() {
	out := bufio.NewWriterSize(os.Stdout, 1<<20)
	err := run(os.Args[1:], out)
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "patterns:", err)
		os.Exit(1)
	}
}

func run(arguments []string, out *bufio.Writer) error {
	switch {
	case len(arguments) == 1 && arguments[0] == "table":
		return writeTable(out)
	case len(arguments) == 1 && arguments[0] == "classes":
		return writeClasses(out)
	case len(arguments) == 1 && arguments[0] == "names":
		return writeNames(out)
	case len(arguments) == 1 && arguments[0] == "folds":
		return writeFolds(out)
	case len(arguments) == 3 && arguments[0] == "cases":
		count, err := strconv.Atoi(arguments[1])
		if err != nil {
			return err
		}
		seed, err := strconv.ParseUint(arguments[2], 10, 64)
		if err != nil {
			return err
		}
		return writeCases(out, count, seed)
	}
	fmt.Fprint(os.Stderr, help)
	return errors.New("wrong arguments")
}
