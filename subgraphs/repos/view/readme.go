package view

import (
	"bytes"
	"context"
	"html"
	"path"
	"regexp"
	"sort"
	"strings"
	"sync"
	"unicode/utf8"

	"callboard.dev/callboard/clients/git"
	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	goldmarkhtml "github.com/yuin/goldmark/renderer/html"
)

// maxReadme is how much of a read-me is shown, in bytes: GitHub's limit.
const maxReadme = 512 << 10

// readmeFolders are where a read-me may lie. The first that holds one counts, as on GitHub.
var readmeFolders = []string{".github", "", "docs"}

// readmeEndings are what a read-me may end with, the best first.
var readmeEndings = []string{".md", ".markdown", ".mdown", "", ".txt", ".rst", ".adoc", ".org"}

// Readme is the read-me of a repository.
type Readme struct {
	Path        string
	Text        string
	IsTruncated bool
}

// Readme is its read-me.
func (r *Repository) Readme(ctx context.Context, ref *string) (*Readme, error) {
	if r.nothingYet(ctx, ref) {
		return nil, nil
	}
	commit, err := r.resolve(ctx, ref)
	if err != nil {
		return nil, err
	}
	for _, folder := range readmeFolders {
		entries, err := r.facts.tree(ctx, commit.OID, folder)
		if codeIn(err) == CodeNotFound {
			continue
		} else if err != nil {
			return nil, err
		}
		for _, entry := range readmesIn(entries) {
			blob, err := r.facts.blob(ctx, entry.oid)
			if err != nil {
				return nil, err
			}
			if blob.Binary {
				continue
			}
			data := blob.Data
			out := &Readme{Path: entry.path, IsTruncated: len(data) > maxReadme || !blob.Complete()}
			if len(data) > maxReadme {
				data = data[:maxReadme]
			}
			out.Text = strings.ToValidUTF8(string(data), string(utf8.RuneError))
			return out, nil
		}
	}
	return nil, nil
}

// readmesIn returns the entries that are called like a read-me, the best first.
func readmesIn(entries []entry) []entry {
	rank := func(e entry) int {
		name := strings.ToLower(e.name)
		for i, ending := range readmeEndings {
			if name == "readme"+ending {
				return i
			}
		}
		return -1
	}
	var out []entry
	for _, e := range entries {
		if (e.kind == git.KindFile || e.kind == git.KindExecutable) && rank(e) >= 0 {
			out = append(out, e)
		}
	}
	sort.SliceStable(out, func(i, j int) bool { return rank(out[i]) < rank(out[j]) })
	return out
}

// markdown renders what GitHub renders. Raw HTML comes through, for sanitizer to take apart.
var markdown = goldmark.New(
	goldmark.WithExtensions(extension.GFM, extension.Footnote),
	goldmark.WithParserOptions(parser.WithAutoHeadingID()),
	goldmark.WithRendererOptions(goldmarkhtml.WithUnsafe()),
)

// sanitizer keeps what is safe in a page of somebody else's: no script, style, form, frame or event, and no address but of the
// web and of mail. Links open without telling where they were followed from, and lend the target no weight.
var sanitizer = sync.OnceValue(func() *bluemonday.Policy {
	policy := bluemonday.UGCPolicy()
	policy.RequireNoFollowOnLinks(true)
	policy.RequireNoReferrerOnLinks(true)
	policy.AllowAttrs("type").Matching(regexp.MustCompile(`^checkbox$`)).OnElements("input")
	policy.AllowAttrs("checked", "disabled").OnElements("input")
	return policy
})

// HTML is the read-me as HTML.
func (r *Readme) HTML() (string, error) {
	switch strings.ToLower(path.Ext(r.Path)) {
	case ".md", ".markdown", ".mdown":
		if !intricate(r.Text) {
			break
		}
		fallthrough
	default:
		return "<pre>" + html.EscapeString(r.Text) + "</pre>", nil
	}
	var out bytes.Buffer
	if err := markdown.Convert([]byte(r.Text), &out); err != nil {
		return "", Refuse(CodeBadRepository, "rendering %s: %v", r.Path, err)
	}
	return sanitizer().SanitizeReader(&out).String(), nil
}

// What the renderer's time grows with the square of, measured: quotes inside quotes, and brackets within one paragraph. These
// bounds keep the worst read-me of 512 KiB below a second; ordinary ones stay far below both.
const (
	maxQuotes   = 100         // inside each other
	maxBrackets = 256_000_000 // bytes of a paragraph times the opening brackets in it, over all paragraphs
)

// intricate reports whether rendering the text could take long. It errs on that side: a line that may continue a paragraph counts
// as if it did.
func intricate(text string) bool {
	cost, size, brackets := 0, 0, 0
	for line := range strings.Lines(text) {
		quotes := 0
		content := strings.TrimLeftFunc(line, func(c rune) bool {
			if c == '>' {
				quotes++
			}
			return c == '>' || c == ' ' || c == '\t'
		})
		if quotes > maxQuotes {
			return true
		}
		if strings.TrimSpace(content) == "" || startsBlock(line) {
			cost += size * brackets
			size, brackets = 0, 0
		}
		size += len(line)
		brackets += strings.Count(line, "[")
		if cost+size*brackets > maxBrackets {
			return true
		}
	}
	return false
}

// startsBlock reports whether a line can be no continuation of a paragraph: it starts a list item or is a heading.
func startsBlock(line string) bool {
	trimmed := strings.TrimLeft(line, " ")
	if len(line)-len(trimmed) > 3 {
		return false
	}
	for _, marker := range []string{"- ", "* ", "+ ", "# ", "## ", "### ", "#### "} {
		if strings.HasPrefix(trimmed, marker) && strings.TrimSpace(trimmed) != strings.TrimSpace(marker) {
			return true
		}
	}
	return false
}
