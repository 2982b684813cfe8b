// Evaluates definitions with ESC's own evaluator, for comparison and for timing.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
)

const help = `usage: upstream [answer] < requests
       upstream bench [--iterations N] < requests

Evaluates definitions with the evaluator of github.com/pulumi/pulumi/sdk/v3/go/common/esc.

Standard input has one request per line, each a JSON object:

  environments  texts of definitions by name, which also serve imports
  root          the name of the definition to evaluate
  context       the entries of ${context}; an object (optional)
  showSecrets   whether a check decrypts ciphertext (optional)

answer prints one line per request, as soon as it is known:

  revealed, redacted, check   the values as JSON texts: opened, opened with secrets hidden, checked;
                              null if nothing was evaluated, or the error of encoding/json if it
                              rejects a value
  load, open, checked         diagnostics of reading the root, of opening and of checking it:
                              {severity, summary, environment, begin: [line, column],
                              end: [line, column], path}; without environment, begin and end
                              if there is no position
  panic                       the message if upstream panicked; the other fields are empty then

bench reads and evaluates (opens) each request N times (default 100) on one thread, after one
warm-up round, and prints one integer per line: the mean time of one round in nanoseconds.

The providers and rotators are those of providers.json. Ciphertext is decrypted by adding 128 to
each byte.
`

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "upstream:", err)
		os.Exit(1)
	}
}

func run(arguments []string, in io.Reader, out io.Writer) error {
	command := "answer"
	if len(arguments) > 0 && !strings.HasPrefix(arguments[0], "-") {
		command, arguments = arguments[0], arguments[1:]
	}
	flags := flag.NewFlagSet("upstream "+command, flag.ContinueOnError)
	flags.Usage = func() { fmt.Fprint(flags.Output(), help) }
	iterations := flags.Int("iterations", 100, "how often to evaluate")
	switch err := flags.Parse(arguments); {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return err
	case flags.NArg() > 0 || *iterations < 1 || (command != "answer" && command != "bench"):
		return errors.New("wrong arguments; see --help")
	}

	// Reaches a stack overflow soon when a merge recurses without end.
	debug.SetMaxStack(64 << 20)
	providers, err := loadProviders()
	if err != nil {
		return err
	}
	lines := bufio.NewReaderSize(in, 1<<20)
	for {
		line, err := lines.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			request, err := readRequest(line)
			if err != nil {
				return err
			}
			var answer any
			if command == "bench" {
				answer, err = request.bench(providers, *iterations)
			} else {
				answer, err = request.answer(providers)
			}
			if err != nil {
				return err
			}
			text, err := json.Marshal(answer)
			if err != nil {
				return err
			}
			// Not buffered: a stack overflow ends the process, and earlier answers must not
			// get lost.
			if _, err := out.Write(append(text, '\n')); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
