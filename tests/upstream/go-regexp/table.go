package main

import (
	"bufio"
	"fmt"
	"regexp/syntax"
	"runtime"
	"slices"
	"strings"
	"unicode"
)

const header = `# What Go's regexp knows of Unicode: %s, Unicode %s.
# Made by tests/upstream/go-regexp/run --accept; read by unicode.rs, which tells the form.
`

// A set has a member for each code point.
type set []bool

// A class is what a name in \p{…} stands for.
type class struct {
	name   string
	plain  set
	folded set
}

// classes are all that \p{…} takes, by names without case and without what Go leaves out of them.
func classes() ([]class, error) {
	names := map[string]bool{"any": true, "ascii": true, "assigned": true}
	canonical := func(name string) string {
		return strings.ToLower(strings.NewReplacer("_", "", "-", "", " ", "").Replace(name))
	}
	for name := range unicode.Categories {
		names[canonical(name)] = true
	}
	for name := range unicode.CategoryAliases {
		names[canonical(name)] = true
	}
	for name := range unicode.Scripts {
		names[canonical(name)] = true
	}
	var result []class
	for name := range names {
		// Go misses scripts of several words: it looks for "Olditalic" among "Old_Italic" and others.
		if _, err := syntax.Parse(`\p{`+name+`}`, syntax.Perl); err != nil {
			continue
		}
		plain, err := parse(`[\p{`+name+`}]`, syntax.Perl)
		if err != nil {
			return nil, err
		}
		folded, err := parse(`[\p{`+name+`}]`, syntax.Perl|syntax.FoldCase)
		if err != nil {
			return nil, err
		}
		result = append(result, class{name, plain, folded})
	}
	slices.SortFunc(result, func(a, b class) int { return strings.Compare(a.name, b.name) })
	return result, nil
}

// parse tells which code points a pattern for one of them takes.
func parse(pattern string, flags syntax.Flags) (set, error) {
	read, err := syntax.Parse(pattern, flags)
	if err != nil {
		return nil, err
	}
	result := make(set, unicode.MaxRune+1)
	add := func(low, high rune) {
		for c := low; c <= high; c++ {
			result[c] = true
		}
	}
	switch read.Op {
	case syntax.OpLiteral:
		first := read.Rune[0]
		add(first, first)
		if read.Flags&syntax.FoldCase != 0 {
			for c := unicode.SimpleFold(first); c != first; c = unicode.SimpleFold(c) {
				add(c, c)
			}
		}
	case syntax.OpCharClass:
		for i := 0; i < len(read.Rune); i += 2 {
			add(read.Rune[i], read.Rune[i+1])
		}
	case syntax.OpAnyChar:
		add(0, unicode.MaxRune)
	default:
		return nil, fmt.Errorf("%s is read as %s", pattern, read.Op)
	}
	return result, nil
}

func (s set) ranges() [][2]rune {
	var result [][2]rune
	for c := rune(0); c <= unicode.MaxRune; c++ {
		if !s[c] {
			continue
		}
		low := c
		for c < unicode.MaxRune && s[c+1] {
			c++
		}
		result = append(result, [2]rune{low, c})
	}
	return result
}

func (s set) union(other set) set {
	result := slices.Clone(s)
	for c, is := range other {
		result[c] = result[c] || is
	}
	return result
}

func (s set) complement() set {
	result := slices.Clone(s)
	for c := range result {
		result[c] = !result[c]
	}
	return result
}

func (s set) holds(other set) bool {
	for c, is := range other {
		if is && !s[c] {
			return false
		}
	}
	return true
}

func (s set) folded() set {
	result := slices.Clone(s)
	for c, is := range s {
		if is {
			for f := unicode.SimpleFold(rune(c)); f != rune(c); f = unicode.SimpleFold(f) {
				result[f] = true
			}
		}
	}
	return result
}

// writeTable writes each class as ranges, or by means of others, and then the orbits.
func writeTable(out *bufio.Writer) error {
	all, err := classes()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, header, runtime.Version(), unicode.Version)
	isLeaf := func(one class) bool {
		_, isCategory := unicode.Categories[strings.ToUpper(one.name[:1])+one.name[1:]]
		return isCategory && len(one.name) == 2 && one.name != "cn"
	}
	var leaves []class
	for _, one := range all {
		if isLeaf(one) {
			leaves = append(leaves, one)
		}
	}
	slices.SortStableFunc(all, func(a, b class) int { return order(a, isLeaf) - order(b, isLeaf) })
	var known []class
	for _, one := range all {
		words := spell(one.plain, known, leaves)
		switch {
		case slices.Equal(one.folded, one.plain.folded()):
		case slices.Equal(one.folded, one.plain) && words[0] == "=":
			words[0] = "~"
		default:
			return fmt.Errorf("%s is folded in a way of its own", one.name)
		}
		wrap(out, one.name, words)
		known = append(known, one)
	}
	wrap(out, "folds", folds())
	return nil
}

// order has the classes first that others are made of.
func order(one class, isLeaf func(class) bool) int {
	switch {
	case isLeaf(one):
		return 0
	case one.name == "cn":
		return 1
	case len(one.name) <= 2:
		return 2
	}
	return 3
}

// spell writes a class as one that is known, as a union or the complement of one, or as ranges.
func spell(one set, known, leaves []class) []string {
	for _, other := range known {
		if slices.Equal(one, other.plain) {
			return []string{"=", other.name}
		}
	}
	if words := union(one, leaves); words != nil {
		return append([]string{"="}, words...)
	}
	if words := union(one.complement(), leaves); words != nil {
		return append([]string{"^"}, words...)
	}
	return spellRanges(one)
}

func union(one set, leaves []class) []string {
	sum := make(set, len(one))
	var words []string
	for _, leaf := range leaves {
		if one.holds(leaf.plain) {
			sum = sum.union(leaf.plain)
			words = append(words, leaf.name)
		}
	}
	if len(words) < 2 || !slices.Equal(sum, one) {
		return nil
	}
	return words
}

// spellRanges writes 41-5A for what follows each other, and 100-136/2 for every second.
func spellRanges(one set) []string {
	ranges := one.ranges()
	var words []string
	for i := 0; i < len(ranges); i++ {
		low, high := ranges[i][0], ranges[i][1]
		end := i
		for low == high && end+1 < len(ranges) &&
			ranges[end+1] == [2]rune{ranges[end][0] + 2, ranges[end][0] + 2} {
			end++
		}
		switch {
		case end > i+1:
			words = append(words, fmt.Sprintf("%X-%X/2", low, ranges[end][0]))
			i = end
		case low == high:
			words = append(words, fmt.Sprintf("%X", low))
		default:
			words = append(words, fmt.Sprintf("%X-%X", low, high))
		}
	}
	return words
}

// folds writes the orbits of SimpleFold: 41-4A+20 for pairs that lie so far apart, 100-12E/2+1 for
// every second, and 4B=6B=212A for three and more.
func folds() []string {
	var words []string
	distances := map[rune]rune{}
	for c := rune(0); c <= unicode.MaxRune; c++ {
		orbit := []rune{c}
		for f := unicode.SimpleFold(c); f != c; f = unicode.SimpleFold(f) {
			orbit = append(orbit, f)
		}
		if slices.Min(orbit) != c || len(orbit) == 1 {
			continue
		}
		if len(orbit) == 2 {
			distances[c] = orbit[1] - c
			continue
		}
		slices.Sort(orbit)
		word := fmt.Sprintf("%X", c)
		for _, f := range orbit[1:] {
			word += fmt.Sprintf("=%X", f)
		}
		words = append(words, word)
	}
	for c := rune(0); c <= unicode.MaxRune; c++ {
		distance := distances[c]
		if distance == 0 {
			continue
		}
		step := rune(1)
		if distances[c+1] != distance {
			step = 2
		}
		end := c
		for distances[end+step] == distance {
			end += step
			delete(distances, end)
		}
		switch {
		case end == c:
			words = append(words, fmt.Sprintf("%X+%X", c, distance))
		case step == 2:
			words = append(words, fmt.Sprintf("%X-%X/2+%X", c, end, distance))
		default:
			words = append(words, fmt.Sprintf("%X-%X+%X", c, end, distance))
		}
	}
	return words
}

// wrap writes a line, and what does not fit below it, indented.
func wrap(out *bufio.Writer, name string, words []string) {
	out.WriteString(name)
	width := len(name)
	for _, word := range words {
		if width+1+len(word) > 100 {
			out.WriteString("\n")
			width = 0
		}
		out.WriteString(" " + word)
		width += 1 + len(word)
	}
	out.WriteString("\n")
}
