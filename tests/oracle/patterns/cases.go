package main

import (
	"bufio"
	"encoding/json"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// named tells the code points of a class, as first and last of each range.
type named struct {
	Name   string    `json:"name"`
	Plain  [][2]rune `json:"plain"`
	Folded [][2]rune `json:"folded"`
}

// writeClasses writes what each name stands for.
func writeClasses(out *bufio.Writer) error {
	all, err := classes()
	if err != nil {
		return err
	}
	for _, one := range all {
		what := named{one.name, one.plain.ranges(), one.folded.ranges()}
		if err := json.NewEncoder(out).Encode(what); err != nil {
			return err
		}
	}
	return nil
}

// orbit tells what a code point is when case does not count.
type orbit struct {
	CodePoint rune      `json:"code_point"`
	Orbit     [][2]rune `json:"orbit"`
}

// writeFolds writes the orbit of each code point that has other cases.
func writeFolds(out *bufio.Writer) error {
	for c := rune(0); c <= unicode.MaxRune; c++ {
		if unicode.SimpleFold(c) == c {
			continue
		}
		members := []rune{c}
		for f := unicode.SimpleFold(c); f != c; f = unicode.SimpleFold(f) {
			members = append(members, f)
		}
		slices.Sort(members)
		var ranges [][2]rune
		for _, member := range members {
			if last := len(ranges) - 1; last >= 0 && ranges[last][1]+1 == member {
				ranges[last][1] = member
			} else {
				ranges = append(ranges, [2]rune{member, member})
			}
		}
		if err := json.NewEncoder(out).Encode(orbit{c, ranges}); err != nil {
			return err
		}
	}
	return nil
}

// A trial is a pattern, and the error or which of the texts it matches.
type trial struct {
	Pattern string   `json:"pattern"`
	Error   string   `json:"error,omitempty"`
	Texts   []string `json:"texts,omitempty"`
	Matches []bool   `json:"matches,omitempty"`
}

// What patterns and texts are put together of.
var (
	parts = strings.Split(`a|b|k|K|s|ſ|é|É|Σ|σ|ς|ß|ẞ|İ|ı|1|_|-| |.|^|$|\||||(|)|(?:|(?i)|(?-i)|(?i:|`+
		`(?s)|(?m)|(?s:|(?U)|(?im-s:|(?P<n>|(?<n>|(?i|(?-)|*|+|?|*?|+?|??|{2}|{1,3}|{2,}|{,2}|{0}|{01}|{|}|`+
		`[|]|[^|[a-f]|[^k]|[k-s]|[^a-fk]|[[:alpha:]]|[[:^upper:]]|[[:lower:]k]|[[:foo:]]|[]a]|[a-]|[--/]|`+
		`[\d-]|[\w.]|[^\W]|[\pL1]|[^\p{Lu}]|\d|\D|\s|\S|\w|\W|\b|\B|\A|\z|\pL|\PL|\p{Lu}|\P{Ll}|`+
		`\p{^Greek}|\p{Greek}|\p{latin}|\p{Zs}|\p{Foo}|\pZ|\p{Any}|\x41|\x{212A}|\x{17f}|\x{d800}|`+
		`\101|\7|\n|\t|\.|\\|\Q|\E|\Qa.b\E|\q|\x|\C|\/|&&|~~|#|<|>|/|=|!|x{3}|k*|a|K|é`, "|")
	letters = []rune("abkKsSſéÉΣσςßẞİıiI1_- .\n\t^$()[]{}*+?|\\/&~#<>=!AaZz\u212a\u0345\U00010400\U00010428\uFFFD")
)

// writeCases writes random patterns and texts.
func writeCases(out *bufio.Writer, count int, seed uint64) error {
	random := rand.New(rand.NewPCG(seed, 0))
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for range count {
		var pattern strings.Builder
		for range 1 + random.IntN(7) {
			pattern.WriteString(parts[random.IntN(len(parts))])
		}
		one := trial{Pattern: pattern.String()}
		read, err := regexp.Compile(one.Pattern)
		if err != nil {
			one.Error = strings.TrimPrefix(err.Error(), "error parsing regexp: ")
		}
		for range 8 {
			if err != nil {
				break
			}
			text := make([]rune, random.IntN(6))
			for i := range text {
				text[i] = letters[random.IntN(len(letters))]
			}
			one.Texts = append(one.Texts, string(text))
			one.Matches = append(one.Matches, read.MatchString(string(text)))
		}
		if err := encoder.Encode(one); err != nil {
			return err
		}
	}
	return nil
}
