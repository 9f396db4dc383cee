package examples

import (
	"bufio"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"golang.org/x/tools/txtar"
)

// A history is one repository's commits, branches and tags. It is written in history/REPOSITORY.txtar. The archive's comment
// is the log, oldest first; its files are former texts, for what is no longer in the repository.
//
//	commit 2024-03-04 09:12 mei-ling-tan Start the service
//		README.md 1-2
//		go.mod
//	commit 2024-03-05 16:40 mei-ling-tan Listen on the port that the platform assigns
//		| Port 8080 was taken on the staging hosts.
//		main.go 1-4 s/":http"/":8080"/
//		Makefile @first
//	tag v0.1.0 First release
//	branch gapless
//	commit 2024-03-06 11:02 kenji-morita Join tracks without a gap
//		main.go
//	main
//	merge gapless
//	commit 2024-03-07 10:00 mei-ling-tan Merge the gapless branch
//
// Below a commit stand the files it changes, in the state that it leaves them in: a path, then
//
//   - nothing: the file as it is stored, which is how every file must end;
//   - 1-3,5: those blocks of it, counted from 1. 4- means from the fourth to the last;
//   - s/from/to/: with every "from" of it replaced, which must occur. Any character may stand for the slash, and \n for the end of
//     a line. It can be repeated, and follow blocks;
//   - @label: the archive's file "path@label";
//   - gone: no longer there.
//
// A block is what a reader would call a paragraph: it starts after a blank line with a line that is not indented, or with a
// line "---". "branch NAME" starts a branch at the tip and goes to it, "main" goes back, and "merge NAME" makes the next
// commit a merge that also takes what the branch changed. A tag names the commit before it.
type history struct {
	commits []commit
	tags    []tag
	heads   map[string]int          // branch name -> index in commits
	trees   map[string]fileTree     // branch name -> its files
	touched map[string]touchedFiles // branch name -> what it changed since it left main
}

type fileTree map[string]string

type touchedFiles map[string]bool

type commit struct {
	branch  string
	parents []int // indexes of earlier commits; none for the first
	author  person
	at      time.Time // in the author's time zone
	message string
	changes []change // sorted by path
}

type change struct {
	path string
	text string
	gone bool
}

type tag struct {
	name    string
	commit  int
	message string
}

type person struct {
	id, name, email string
	zone            *time.Location
}

// mainBranch is the default branch of every repository.
const mainBranch = "main"

func readHistory(repository string, people map[string]person) (*history, error) {
	name := path.Join("history", repository+".txtar")
	text, err := embedded.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("repository %s has no history: %w", repository, err)
	}
	stored, err := storedFiles(repository)
	if err != nil {
		return nil, err
	}
	h, err := parseHistory(text, stored, people)
	if err != nil {
		return nil, fmt.Errorf("%s:%w", name, err)
	}
	return h, nil
}

// parseHistory reads a history over the stored files and checks that it ends in exactly them. Errors start with a line.
func parseHistory(text []byte, stored fileTree, people map[string]person) (*history, error) {
	archive := txtar.Parse(text)
	p := &parser{
		stored: stored,
		former: fileTree{},
		people: people,
		branch: mainBranch,
		history: &history{
			heads:   map[string]int{},
			trees:   map[string]fileTree{mainBranch: {}},
			touched: map[string]touchedFiles{mainBranch: {}},
		},
	}
	for _, file := range archive.Files {
		p.former[file.Name] = string(file.Data)
	}
	lines := bufio.NewScanner(strings.NewReader(string(archive.Comment)))
	for lines.Scan() {
		p.line++
		if err := p.read(lines.Text()); err != nil {
			return nil, fmt.Errorf("%d: %w", p.line, err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%d: %w", p.line, err)
	}
	if err := p.finish(); err != nil {
		return nil, fmt.Errorf("%d: %w", p.line, err)
	}
	return p.history, nil
}

// parser reads a log line by line. A commit is pending until the next line that is not below it.
type parser struct {
	stored, former fileTree
	people         map[string]person
	line           int
	branch         string
	merging        string // branch that the next commit merges, or empty
	pending        *commit
	body           []string
	changed        map[string]change
	history        *history
}

func (p *parser) read(line string) error {
	if below, ok := strings.CutPrefix(line, "\t"); ok {
		if p.pending == nil {
			return fmt.Errorf("a file or text that is not below a commit: %q", below)
		}
		if text, ok := strings.CutPrefix(below, "|"); ok {
			p.body = append(p.body, strings.TrimPrefix(text, " "))
			return nil
		}
		return p.readFile(below)
	}
	if line == "" || strings.HasPrefix(line, "#") {
		return nil
	}
	if err := p.flush(); err != nil {
		return err
	}
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "commit":
		return p.readCommit(rest)
	case "tag":
		name, message, _ := strings.Cut(rest, " ")
		at, ok := p.history.heads[p.branch]
		if name == "" || message == "" || !ok {
			return fmt.Errorf("want a commit and then: tag NAME MESSAGE")
		}
		p.history.tags = append(p.history.tags, tag{name: name, commit: at, message: message})
		return nil
	case "branch":
		return p.startBranch(rest)
	case mainBranch:
		p.branch = mainBranch
		return nil
	case "merge":
		if _, ok := p.history.heads[rest]; !ok || rest == p.branch {
			return fmt.Errorf("no other branch %q to merge", rest)
		}
		p.merging = rest
		return nil
	}
	return fmt.Errorf("want commit, tag, branch, merge or main, found %q", word)
}

func (p *parser) startBranch(name string) error {
	at, ok := p.history.heads[p.branch]
	if _, taken := p.history.heads[name]; name == "" || taken || !ok {
		return fmt.Errorf("cannot start branch %q here: it needs a new name and a commit to start at", name)
	}
	files := make(fileTree, len(p.history.trees[p.branch]))
	for path, text := range p.history.trees[p.branch] {
		files[path] = text
	}
	p.history.heads[name] = at
	p.history.trees[name] = files
	p.history.touched[name] = touchedFiles{}
	p.branch = name
	return nil
}

func (p *parser) readCommit(rest string) error {
	fields := strings.SplitN(rest, " ", 4)
	if len(fields) != 4 {
		return fmt.Errorf("want: commit DATE TIME AUTHOR SUBJECT")
	}
	author, ok := p.people[fields[2]]
	if !ok {
		return fmt.Errorf("history/people.txt has no %q", fields[2])
	}
	at, err := time.ParseInLocation("2006-01-02 15:04", fields[0]+" "+fields[1], author.zone)
	if err != nil {
		return err
	}
	p.pending = &commit{branch: p.branch, author: author, at: at, message: fields[3]}
	p.changed = map[string]change{}
	if head, ok := p.history.heads[p.branch]; ok {
		p.pending.parents = append(p.pending.parents, head)
	}
	if p.merging != "" {
		p.pending.parents = append(p.pending.parents, p.history.heads[p.merging])
		ours, theirs := p.history.trees[p.branch], p.history.trees[p.merging]
		for path := range p.history.touched[p.merging] {
			text, there := theirs[path]
			if old, had := ours[path]; had != there || old != text {
				p.changed[path] = change{path: path, text: text, gone: !there}
			}
		}
		p.merging = ""
	}
	return nil
}

func (p *parser) readFile(below string) error {
	name, state, _ := strings.Cut(below, " ")
	text, gone, err := p.state(name, strings.TrimSpace(state))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	p.changed[name] = change{path: name, text: text, gone: gone}
	return nil
}

// state returns the text of a file in the state that the log gives it.
func (p *parser) state(name, state string) (text string, gone bool, err error) {
	if state == "gone" {
		if _, ok := p.history.trees[p.branch][name]; !ok {
			return "", false, fmt.Errorf("is not there, so it cannot go")
		}
		return "", true, nil
	}
	if label, ok := strings.CutPrefix(state, "@"); ok {
		former, ok := p.former[name+"@"+label]
		if !ok {
			return "", false, fmt.Errorf("the archive has no file %s@%s", name, label)
		}
		return former, false, nil
	}
	text, ok := p.stored[name]
	if !ok {
		return "", false, fmt.Errorf("is neither stored nor given a former text with @label")
	}
	if state != "" && state[0] >= '1' && state[0] <= '9' {
		var ranges string
		ranges, state, _ = strings.Cut(state, " ")
		if text, err = selectBlocks(text, ranges); err != nil {
			return "", false, err
		}
	}
	text, err = replace(text, strings.TrimSpace(state))
	return text, false, err
}

// flush turns the pending commit into one of the history's.
func (p *parser) flush() error {
	if p.pending == nil {
		return nil
	}
	c := p.pending
	p.pending = nil
	if len(p.body) > 0 {
		c.message += "\n\n" + strings.Join(p.body, "\n")
		p.body = nil
	}
	files, touched := p.history.trees[p.branch], p.history.touched[p.branch]
	for _, name := range sortedKeys(p.changed) {
		change := p.changed[name]
		old, there := files[name]
		switch {
		case change.gone:
			delete(files, name)
		case there && old == change.text && len(c.parents) < 2:
			return fmt.Errorf("the commit before this line leaves %s as it was", name)
		default:
			files[name] = change.text
		}
		touched[name] = true
		c.changes = append(c.changes, change)
	}
	if len(c.changes) == 0 {
		return fmt.Errorf("the commit before this line changes nothing")
	}
	for _, parent := range c.parents {
		if before := p.history.commits[parent]; c.at.Before(before.at) {
			return fmt.Errorf("the commit before this line is older than its parent of %s", before.at.Format(time.RFC3339))
		}
	}
	p.history.commits = append(p.history.commits, *c)
	p.history.heads[p.branch] = len(p.history.commits) - 1
	return nil
}

// finish checks that main ends in exactly the stored files.
func (p *parser) finish() error {
	if err := p.flush(); err != nil {
		return err
	}
	files := p.history.trees[mainBranch]
	for _, name := range sortedKeys(p.stored) {
		if text, ok := files[name]; !ok {
			return fmt.Errorf("no commit adds %s", name)
		} else if text != p.stored[name] {
			return fmt.Errorf("main ends with a %s that is not the stored one; let a last commit name it without a state", name)
		}
	}
	for _, name := range sortedKeys(files) {
		if _, ok := p.stored[name]; !ok {
			return fmt.Errorf("main ends with %s, which is not stored; let a commit say it is gone", name)
		}
	}
	return nil
}

// readPeople reads history/people.txt: one author a line, "id | name | email | time zone in hours and minutes".
func readPeople() (map[string]person, error) {
	const name = "history/people.txt"
	text, err := embedded.ReadFile(name)
	if err != nil {
		return nil, err
	}
	people := map[string]person{}
	for number, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Split(line, "|")
		if len(fields) != 4 {
			return nil, fmt.Errorf("%s:%d: want id | name | email | zone", name, number+1)
		}
		for i := range fields {
			fields[i] = strings.TrimSpace(fields[i])
		}
		zone, err := strconv.Atoi(fields[3])
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, number+1, err)
		}
		seconds := (zone/100*60 + zone%100) * 60
		people[fields[0]] = person{id: fields[0], name: fields[1], email: fields[2], zone: time.FixedZone("", seconds)}
	}
	return people, nil
}
