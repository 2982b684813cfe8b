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

// A known is what Go says of a class, or of a code point where case does not count.
type known struct {
	Pattern string    `json:"pattern"`
	Ranges  [][2]rune `json:"ranges"`
}

// A tried is a pattern with what Go says of it: an error, or which of the texts it matches.
type tried struct {
	Pattern string   `json:"pattern"`
	Error   *string  `json:"error"`
	Texts   []string `json:"texts"`
	Matches []bool   `json:"matches"`
}

// writeClasses writes each class in four forms with all of its members.
func writeClasses(out *bufio.Writer) error {
	all, err := classes()
	if err != nil {
		return err
	}
	encoder := json.NewEncoder(out)
	for _, one := range all {
		for _, form := range []struct {
			pattern string
			members set
		}{
			{`\p{` + one.name + `}`, one.plain},
			{`\P{` + one.name + `}`, one.plain.complement()},
			{`(?i)\p{` + one.name + `}`, one.folded},
			{`(?i)[^\p{` + one.name + `}]`, one.folded.complement()},
		} {
			// No text holds a surrogate.
			for c := 0xD800; c <= 0xDFFF; c++ {
				form.members[c] = false
			}
			if err := encoder.Encode(known{form.pattern, form.members.ranges()}); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeNames writes the names that Go's tables have, and others like them: some are refused.
func writeNames(out *bufio.Writer) error {
	encoder := json.NewEncoder(out)
	names := []string{"", "x", "Old", "^L", "LX"}
	for name := range unicode.Scripts {
		names = append(names, name)
	}
	for name := range unicode.Categories {
		names = append(names, name)
	}
	for name := range unicode.CategoryAliases {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, name := range []string{name, strings.ToLower(name), strings.ReplaceAll(name, "_", "")} {
			if err := encoder.Encode(try(`\p{`+name+`}`, []string{"a", "α", "𐌀", "1"})); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeFolds writes each code point, where case does not count, with its orbit and its neighbours.
func writeFolds(out *bufio.Writer) error {
	encoder := json.NewEncoder(out)
	for c := rune(0); c <= unicode.MaxRune; c++ {
		orbit := []rune{c}
		for f := unicode.SimpleFold(c); f != c; f = unicode.SimpleFold(f) {
			orbit = append(orbit, f)
		}
		// Of those without other cases every 97th, and what is near the others.
		if len(orbit) == 1 && c%97 != 0 && unicode.SimpleFold(c+1) == c+1 {
			continue
		}
		if 0xD800 <= c && c <= 0xDFFF {
			continue
		}
		var texts []string
		for _, f := range orbit {
			for near := max(0, f-1); near <= min(f+1, unicode.MaxRune); near++ {
				if near < 0xD800 || near > 0xDFFF {
					texts = append(texts, string(near))
				}
			}
		}
		literal := regexp.QuoteMeta(string(c))
		for _, pattern := range []string{"^(?i)" + literal + "$", "^(?i)[^" + literal + "]$"} {
			if c == '^' || c == '-' {
				pattern = strings.ReplaceAll(pattern, "["+"^"+string(c), "[^\\"+string(c))
			}
			if err := encoder.Encode(try(pattern, texts)); err != nil {
				return err
			}
		}
	}
	return nil
}

func try(pattern string, texts []string) tried {
	read, err := regexp.Compile(pattern)
	if err != nil {
		reason := strings.TrimPrefix(err.Error(), "error parsing regexp: ")
		return tried{Pattern: pattern, Error: &reason, Texts: []string{}, Matches: []bool{}}
	}
	result := tried{Pattern: pattern, Texts: texts, Matches: []bool{}}
	for _, text := range texts {
		result.Matches = append(result.Matches, read.MatchString(text))
	}
	return result
}

// writeCases writes random patterns. Some are cut off or have something else in them: what is no
// pattern matters too.
func writeCases(out *bufio.Writer, count int, seed uint64) error {
	encoder := json.NewEncoder(out)
	random := &random{rand.New(rand.NewPCG(seed, 0))}
	for range count {
		pattern := random.pattern(3)
		switch random.IntN(8) {
		case 0:
			runes := []rune(pattern)
			pattern = string(runes[:random.IntN(len(runes)+1)])
		case 1:
			runes := []rune(pattern)
			at := random.IntN(len(runes) + 1)
			pattern = string(runes[:at]) + random.one(noise) + string(runes[at:])
		}
		var texts []string
		for range 12 {
			texts = append(texts, random.text(pattern))
		}
		if err := encoder.Encode(try(pattern, texts)); err != nil {
			return err
		}
	}
	return nil
}

type random struct{ *rand.Rand }

var (
	literals = strings.Split(`a A b k K ſ s S K å Å Å σ ς Σ é É ß ẞ ǆ ǅ 1 _ - ٣ 𐐀 𐐨 ͅ ι ] } { , & ~ : < > " ' / # = ! @ % ;`+" ` �", " ")
	escapes  = []string{
		`\d`, `\D`, `\s`, `\S`, `\w`, `\W`, `\pL`, `\PL`, `\p{Lu}`, `\P{Lu}`, `\p{^Lu}`, `\P{^Ll}`,
		`\p{Greek}`, `\p{greek}`, `\p{Latin}`, `\pN`, `\pM`, `\p{Any}`, `\P{Any}`, `\p{ASCII}`,
		`\p{Lt}`, `\p{LC}`, `\p{Cased_Letter}`, `\p{Assigned}`, `\p{Inherited}`, `\p{Common}`,
		`\n`, `\t`, `\a`, `\x41`, `\x{4b}`, `\x{212A}`, `\x{3c3}`, `\x{10ffff}`, `\x{d7ff}`, `\101`,
		`\0`, `\.`, `\-`, `\]`, `\[`, `\^`, `\\`, `\_`, `\/`, `\"`, `\<`, `\&`, `\ `,
	}
	posix = strings.Split("alnum alpha ascii blank cntrl digit graph lower print punct space upper word xdigit", " ")
	noise = []string{
		`\`, `[`, `]`, `(`, `)`, `{`, `}`, `*`, `+`, `?`, `|`, `^`, `$`, `.`, `-`, `(?`, `(?i`, `(?-`, `(?i-)`,
		`(?<`, `(?P<`, `(?P<a`, `(?<a>`, `(?P=a)`, `(?=a)`, `(?x)`, `\p`, `\p{`, `\p{L`, `\p{}`, `\p{^}`,
		`\p{Old_Italic}`, `\p^`, `\pé`, `\x`, `\x4`, `\x{`, `\x{}`, `\x{110000}`, `\xg`, `\1`, `\8`, `\Q`,
		`\E`, `\C`, `\Z`, `\y`, `\é`, `[:alpha:]`, `[[:foo:]]`, `[[:^foo:]]`, `[[:`, `[:]`, `{1}`, `{2,}`, `{,2}`,
		`{3,2}`, `{1001}`, `{01}`, `{ 1}`, `{99999999999}`, `**`, `*?`, `??`, `(?i)*`, `\Q\E*`, `z-a`,
		`\d-`, `-\d`, `\A`, `\z`, `\b`, `\B`, "\x00", "\n", "\u2028",
	}
	around = strings.Split("a A b B k K K s ſ é É e i I ı İ ß ẞ σ ς Σ ͅ ι ǅ ǆ 1 ٣ _ - . ] [ ^ & ~ ! � 𐐀 𐐨 \n \t \u2028 \x00 \U0010ffff", " ")
)

func (r *random) one(of []string) string { return of[r.IntN(len(of))] }

func (r *random) pattern(depth int) string {
	var pattern strings.Builder
	if r.IntN(4) == 0 {
		pattern.WriteString("^")
	}
	if r.IntN(3) == 0 {
		pattern.WriteString("(?i)")
	}
	for range 1 + r.IntN(4) {
		pattern.WriteString(r.atom(depth))
		if r.IntN(4) == 0 {
			pattern.WriteString(r.one([]string{"*", "+", "?", "*?", "+?", "??", "{2}", "{0,2}", "{1,}", "{0}", "{0,}", "{40}"}))
		}
		if r.IntN(10) == 0 {
			pattern.WriteString("|")
		}
	}
	if r.IntN(4) == 0 {
		pattern.WriteString("$")
	}
	return pattern.String()
}

func (r *random) atom(depth int) string {
	switch kind := r.IntN(16); {
	case kind < 5:
		return regexp.QuoteMeta(r.one(literals))
	case kind < 8:
		return r.one(escapes)
	case kind < 11:
		return r.class()
	case kind == 11:
		return r.one([]string{".", `\b`, `\B`, `\A`, `\z`, "^", "$", "(?m)", "(?m:^)", "(?s)", "(?-s)", "(?U)", "(?-i)", "(?i-s)", "(?is-m)"})
	case kind == 12:
		return `\Q` + r.one(literals) + r.one(literals) + r.one([]string{`\E`, `\E`, ``})
	case depth > 0:
		return r.one([]string{"(", "(?:", "(?i:", "(?-i:", "(?s:", "(?i-s:", "(?P<n>", "(?<m>"}) +
			r.pattern(depth-1) + ")"
	}
	return r.one(literals)
}

func (r *random) class() string {
	class := "["
	if r.IntN(3) == 0 {
		class += "^"
	}
	for range 1 + r.IntN(3) {
		switch r.IntN(6) {
		case 0:
			class += r.one(escapes)
		case 1:
			class += "[:" + r.one([]string{"", "^"}) + r.one(posix) + ":]"
		case 2:
			class += r.one(literals) + "-" + r.one(literals)
		case 3:
			class += r.one([]string{"a-z", "A-Z", "J-L", "α-ω", "\u2000-\u2fff", "0-9A-Fa-f", "à-ÿ", `\x00-\x{10FFFF}`})
		default:
			class += r.one(literals)
		}
	}
	return class + "]"
}

// text is random, or made of what stands in the pattern, in other cases too.
func (r *random) text(pattern string) string {
	var text strings.Builder
	runes := []rune(pattern)
	for range r.IntN(5) {
		if len(runes) == 0 || r.IntN(2) == 0 {
			text.WriteString(r.one(around))
			continue
		}
		c := runes[r.IntN(len(runes))]
		if r.IntN(2) == 0 {
			c = unicode.SimpleFold(c)
		}
		text.WriteRune(c)
	}
	return text.String()
}
