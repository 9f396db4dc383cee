package codeowners_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"callboard.dev/callboard/subgraphs/repos/codeowners"
)

func rule(t *testing.T, file *codeowners.File, path string) *codeowners.Rule {
	t.Helper()
	rule, err := file.Rule(path)
	if err != nil {
		t.Errorf("%q: %v", path, err)
	}
	return rule
}

func TestPatterns(t *testing.T) {
	for _, c := range []struct{ pattern, matches, others string }{
		{"*", "a a/b .x a/b/c/ d/", ""},
		{"*.go", "a.go x/y/b.go a.go/inside", "a.gox go a.go.txt"},
		{"/*.go", "a.go", "x/a.go"},
		{"docs", "docs docs/a x/docs x/docs/y/z docs/", "docsx xdocs"},
		{"/docs", "docs docs/a", "x/docs"},
		{"docs/", "docs/a x/docs/a docs/a/b docs/", "docs x/docs"},
		{"/build/logs/", "build/logs/x build/logs/a/b build/logs/", "x/build/logs/y build/logs"},
		{"docs/*", "docs/a docs/b.md", "docs/a/b x/docs/a docs"},
		{"/apps/", "apps/x", "x/apps/y apps"},
		{"**/logs", "logs logs/a build/logs a/b/logs/c", "xlogs"},
		{"a/**/b", "a/b a/x/b a/x/y/b a/b/c", "b x/a/b a"},
		{"a/**", "a/b a/b/c a/", "b"},
		{"/**/x", "x a/x a/b/x", "y"},
		{"**", "a a/b", ""},
		{"a/**/**/b", "a/b a/x/y/b", "a"},
		{"a?c", "abc aéc x/abc", "ac abbc a/c"},
		{`with\ blank`, "", "withblank"},
		{"a*b*c", "abc axxbyyc", "acb ab a/b/c"},
		{"src/**/test/*.go", "src/test/a.go src/x/y/test/a.go", "src/test/x/a.go"},
		{"é", "é x/é", "e"},
	} {
		file := codeowners.Parse([]byte(c.pattern + " @owner\n"))
		if len(file.Errors) > 0 {
			t.Errorf("%q: %+v", c.pattern, file.Errors)
			continue
		}
		for _, path := range strings.Fields(c.matches) {
			if c.pattern == "a/**" && path == "a/" {
				continue // the folder itself is not inside itself
			}
			if rule(t, file, path) == nil {
				t.Errorf("%q does not match %q", c.pattern, path)
			}
		}
		for _, path := range strings.Fields(c.others) {
			if rule(t, file, path) != nil {
				t.Errorf("%q matches %q", c.pattern, path)
			}
		}
	}
	if rule := rule(t, codeowners.Parse([]byte(`with\ blank @a`)), "x/with blank"); rule == nil || fmt.Sprint(rule.Owners) != "[@a]" {
		t.Errorf("a pattern with a blank gives %+v", rule)
	}
}

func TestFile(t *testing.T) {
	file := codeowners.Parse([]byte("\ufeff# comment\n\n*  @all @org/team # and a comment\n!not @x\n[Section]\nfile[0-9] @x\n\\#x @x\n/src @bad! @x\n/src a@b.example\n/src/free\n//x @x\n/ @x\na//b @x\n"))
	var got []string
	for _, rule := range file.Rules {
		got = append(got, fmt.Sprint(rule.Line, rule.Pattern, rule.Owners))
	}
	if text := strings.Join(got, " "); text != "3*[@all @org/team] 9/src[a@b.example] 10/src/free[]" {
		t.Errorf("the rules are %s", text)
	}
	got = nil
	for _, e := range file.Errors {
		got = append(got, fmt.Sprint(e.Line))
		if e.Message == "" {
			t.Errorf("line %d has no message", e.Line)
		}
	}
	if text := strings.Join(got, " "); text != "4 5 6 7 8 11 12 13" {
		t.Errorf("the lines with errors are %s", text)
	}
	for path, line := range map[string]int{"x": 3, "src/a": 9, "src/free": 10, "src/free/x": 10} {
		if rule := rule(t, file, path); rule == nil || rule.Line != line {
			t.Errorf("for %q %+v counts, want line %d", path, rule, line)
		}
	}
	if rule := rule(t, file, ""); rule != nil {
		t.Errorf("the top itself is owned by line %d", rule.Line)
	}
}

func TestLimits(t *testing.T) {
	if file := codeowners.Parse([]byte(strings.Repeat("* @a\n", 1<<20))); len(file.Rules) != 0 || len(file.Errors) != 1 {
		t.Errorf("a file that is too large gives %d rules and %d errors, want 0 and 1", len(file.Rules), len(file.Errors))
	}
	if file := codeowners.Parse([]byte(strings.Repeat("* @a\n", 30_000))); len(file.Rules) != 20_000 || len(file.Errors) != 1 {
		t.Errorf("too many rules give %d rules and %d errors, want 20000 and 1", len(file.Rules), len(file.Errors))
	}
	if file := codeowners.Parse([]byte(strings.Repeat("[ @a\n", 1000))); len(file.Errors) != 100 {
		t.Errorf("%d errors, want 100", len(file.Errors))
	}
	// Patterns that make a naive matcher take for ever.
	hard := codeowners.Parse([]byte(strings.Repeat("a*", 200) + "b @x\n" + strings.Repeat("**/a/", 200) + "b @x\n"))
	if len(hard.Rules) != 2 {
		t.Fatalf("%+v", hard.Errors)
	}
	if rule(t, hard, strings.Repeat("a", 4000)) != nil || rule(t, hard, strings.Repeat("a/", 2000)+"c") != nil {
		t.Error("a hard pattern matches what it should not")
	}
	absurd := codeowners.Parse([]byte(strings.Repeat("*"+strings.Repeat("a", 2000)+"b @x\n", 200)))
	if _, err := absurd.Rule(strings.Repeat("a", 4000)); !errors.Is(err, codeowners.ErrCostly) {
		t.Errorf("a file of absurd patterns gives %v, want ErrCostly", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("* @a\n/src/**/x?.go @o/t a@b.c # c\n\\ x @y\n"), "src/a/xy.go")
	f.Add([]byte("**/** @a\n\xff\\ @b\na\\\n"), "\xff/\\")
	f.Fuzz(func(t *testing.T, text []byte, path string) {
		file := codeowners.Parse(text)
		for i, rule := range file.Rules {
			if rule.Line < 1 || i > 0 && rule.Line <= file.Rules[i-1].Line {
				t.Errorf("rule %d has line %d", i, rule.Line)
			}
			for _, text := range append([]string{rule.Pattern}, rule.Owners...) {
				if !utf8.ValidString(text) {
					t.Errorf("not UTF-8: %q", text)
				}
			}
		}
		for _, e := range file.Errors {
			if !utf8.ValidString(e.Message) {
				t.Errorf("not UTF-8: %q", e.Message)
			}
		}
		// A rule for everything at the end always counts.
		all := codeowners.Parse(append(append([]byte{}, text...), "\n* @last\n"...))
		rule := rule(t, all, path)
		if strings.Trim(path, "/") != "" && len(all.Rules) == len(file.Rules)+1 && (rule == nil || rule.Pattern != "*") {
			t.Errorf("%q is owned by %+v", path, rule)
		}
	})
}
