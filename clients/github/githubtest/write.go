package githubtest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"callboard.dev/callboard/clients/git"
)

// What clients/git cannot do, since Callboard only reads: writing commits, and looking at two branches together. The commands are
// untouched by the configuration, hooks and variables of the user and the machine.

// gitPatience is how long one command may take; on the largest example all together take a tenth of a second.
const gitPatience = 20 * time.Second

// run runs git in the repository. Arguments come from the simulator; what comes from clients stands behind "--end-of-options", or is an object id.
func (r *Repository) run(ctx context.Context, env []string, input []byte, args ...string) (string, error) {
	ctx, stop := context.WithTimeout(ctx, gitPatience)
	defer stop()
	cmd := exec.CommandContext(ctx, "git", append([]string{
		"-c", "core.hooksPath=" + os.DevNull, "-c", "core.fsmonitor=false", "-c", "core.attributesFile=" + os.DevNull, "-c", "gc.auto=0",
	}, args...)...)
	cmd.Dir = r.content.Dir
	cmd.Stdin = bytes.NewReader(input)
	cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull,
		"GIT_ATTR_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C", "TZ=UTC",
	}, env...)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(complaint.String()))
	}
	return strings.TrimSuffix(out.String(), "\n"), nil
}

// between is what a pull request shows of its two branches. It is remembered: commits do not change.
type between struct {
	files      []git.ChangedFile
	commits    []git.OID // oldest first
	conflicted bool
	mergeBase  git.OID
}

// between compares the head of a pull request with where it left its base.
func (g *GitHub) between(ctx context.Context, r *Repository, base, head git.OID) (*between, error) {
	key := "between " + r.content.Path + " " + string(base) + " " + string(head)
	if known, ok := g.remembered.Load(key); ok {
		return known.(*between), nil
	}
	b := &between{}
	list, err := r.run(ctx, nil, nil, "rev-list", "--reverse", "--topo-order", string(head), "^"+string(base))
	if err != nil {
		return nil, err
	}
	for line := range strings.FieldsSeq(list) {
		b.commits = append(b.commits, git.OID(line))
	}
	if text, err := r.run(ctx, nil, nil, "merge-base", string(base), string(head)); err == nil {
		b.mergeBase = git.OID(text)
	}
	numbers, err := r.run(ctx, nil, nil, "diff", "--no-ext-diff", "--no-textconv", "-M", "-z", "--numstat", string(base)+"..."+string(head))
	if err != nil {
		return nil, err
	}
	kinds, err := r.run(ctx, nil, nil, "diff", "--no-ext-diff", "--no-textconv", "-M", "-z", "--name-status", string(base)+"..."+string(head))
	if err != nil {
		return nil, err
	}
	b.files = changedFiles(kinds, numbers)
	if _, err := r.run(ctx, nil, nil, "merge-tree", "--write-tree", "--name-only", string(base), string(head)); err != nil {
		b.conflicted = true
	}
	g.remembered.Store(key, b)
	return b, nil
}

// changedFiles joins the two lists that git gives of one difference, which are in the same order.
func changedFiles(kinds, numbers string) []git.ChangedFile {
	var files []git.ChangedFile
	words := strings.Split(kinds, "\x00")
	for len(words) > 1 && words[0] != "" {
		f := git.ChangedFile{Change: git.Modified, Path: words[1]}
		words, kinds = words[2:], words[0]
		switch kinds[0] {
		case 'A':
			f.Change = git.Added
		case 'D':
			f.Change = git.Deleted
		case 'T':
			f.Change = git.TypeChanged
		case 'R', 'C':
			f.Change = git.Renamed
			if len(words) > 0 {
				f.PreviousPath, f.Path, words = f.Path, words[0], words[1:]
			}
		}
		files = append(files, f)
	}
	parts := strings.Split(numbers, "\x00")
	for i := range files {
		for len(parts) > 0 && strings.Count(parts[0], "\t") < 2 {
			parts = parts[1:] // the two paths of a rename
		}
		if len(parts) == 0 {
			break
		}
		fields := strings.SplitN(parts[0], "\t", 3)
		files[i].Additions, _ = strconv.Atoi(fields[0])
		files[i].Deletions, _ = strconv.Atoi(fields[1])
		files[i].Binary = fields[0] == "-"
		parts = parts[1:]
	}
	return files
}

// identity returns the variables that make somebody the author and committer of a commit.
func (g *GitHub) identity(who any) []string {
	name, email := "GitHub", "noreply@github.com"
	if u, ok := who.(*User); ok {
		name, email = u.Name, u.Email
		if name == "" {
			name = u.Login
		}
		if email == "" {
			email = fmt.Sprintf("%d+%s@users.noreply.github.com", u.DatabaseID, u.Login)
		}
	}
	at := strconv.FormatInt(g.now().Unix(), 10) + " +0000"
	return []string{
		"GIT_AUTHOR_NAME=" + name, "GIT_AUTHOR_EMAIL=" + email, "GIT_AUTHOR_DATE=" + at,
		"GIT_COMMITTER_NAME=" + name, "GIT_COMMITTER_EMAIL=" + email, "GIT_COMMITTER_DATE=" + at,
	}
}

// File is a file of a commit that is pushed. A nil Data takes it away.
type File struct {
	Path string
	Data []byte
}

var branchPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]{0,200}$`)

func checkBranch(name string) error {
	if !branchPattern.MatchString(name) || strings.Contains(name, "..") || strings.Contains(name, "//") || strings.HasSuffix(name, ".lock") || strings.HasSuffix(name, "/") {
		return refuse("%q is no name for a branch", name)
	}
	return nil
}

// Push commits files to a branch, which is made from the default branch where it is not there, and returns the commit's id. It
// writes to the repository's folder; what is checked out there stays as it is.
func (g *GitHub) Push(ctx context.Context, repository, branch, by, message string, files ...File) (string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	r, err := g.find(repository)
	if err != nil {
		return "", err
	}
	if err := checkBranch(branch); err != nil {
		return "", err
	}
	if r.content == nil {
		return "", refuse("pushing to %s: it has no folder", repository)
	}
	who, err := g.actor(by)
	if err != nil {
		return "", err
	}
	before, err := r.branch(ctx, branch)
	if err != nil {
		return "", err
	}
	parent := before
	if parent == "" {
		if parent, err = r.branch(ctx, r.DefaultBranch); err != nil {
			return "", err
		}
	}
	after, err := g.writeCommit(ctx, r, parent, who, message, files)
	if err != nil {
		return "", fmt.Errorf("pushing to %s: %w", repository, err)
	}
	if err := r.update(ctx, "refs/heads/"+branch, after, before); err != nil {
		return "", fmt.Errorf("pushing to %s: %w", repository, err)
	}
	return string(after), g.pushed(ctx, r, branch, before, after, who)
}

// pushed notes that a branch moved, and tells it.
func (g *GitHub) pushed(ctx context.Context, r *Repository, branch string, before, after git.OID, who any) error {
	r.PushedAt, r.UpdatedAt = g.now(), g.now()
	for _, one := range r.items {
		if p, ok := one.(*PullRequest); ok && p.State() == "OPEN" && p.HeadRefName == branch && p.HeadOID == "" {
			p.UpdatedAt = r.PushedAt
			if rule := r.protection(p.BaseRefName); rule != nil && rule.DismissesStaleReviews {
				g.dismissApprovals(p, who)
			}
			g.hooks.pull(p, "synchronize", who, map[string]any{"before": before, "after": after})
		}
	}
	if err := g.hooks.push(ctx, r, "refs/heads/"+branch, before, after, who); err != nil {
		return err
	}
	return g.triggerPush(ctx, r, branch, after, who)
}

// writeCommit writes a commit on top of parent, in an index of its own.
func (g *GitHub) writeCommit(ctx context.Context, r *Repository, parent git.OID, who any, message string, files []File) (git.OID, error) {
	folder, err := os.MkdirTemp("", "githubtest-index-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(folder)
	env := []string{"GIT_INDEX_FILE=" + filepath.Join(folder, "index")}
	if parent != "" {
		if _, err := r.run(ctx, env, nil, "read-tree", string(parent)); err != nil {
			return "", err
		}
	}
	var index bytes.Buffer
	for _, f := range files {
		path, err := git.CleanPath(f.Path)
		if err != nil || path == "" {
			return "", refuse("file %q", f.Path)
		}
		if f.Data == nil {
			fmt.Fprintf(&index, "0 %040d\t%s\x00", 0, path)
			continue
		}
		oid, err := r.run(ctx, nil, f.Data, "hash-object", "-w", "--stdin")
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&index, "100644 %s\t%s\x00", oid, path)
	}
	if _, err := r.run(ctx, env, index.Bytes(), "update-index", "-z", "--index-info"); err != nil {
		return "", err
	}
	tree, err := r.run(ctx, env, nil, "write-tree")
	if err != nil {
		return "", err
	}
	return r.commitTree(ctx, tree, g.identity(who), message, parent)
}

func (r *Repository) commitTree(ctx context.Context, tree string, identity []string, message string, parents ...git.OID) (git.OID, error) {
	args := []string{"commit-tree", tree}
	for _, p := range parents {
		if p != "" {
			args = append(args, "-p", string(p))
		}
	}
	oid, err := r.run(ctx, identity, []byte(message+"\n"), append(args, "-F", "-")...)
	return git.OID(oid), err
}

// update moves a ref, where it still is where it was.
func (r *Repository) update(ctx context.Context, ref string, to, from git.OID) error {
	old := string(from)
	if old == "" {
		old = strings.Repeat("0", len(to))
	}
	defer r.moved(ctx)
	_, err := r.run(ctx, nil, nil, "update-ref", ref, string(to), old)
	return err
}

// deleteBranch takes a branch away and tells it.
func (g *GitHub) deleteBranch(ctx context.Context, r *Repository, name string, at git.OID, who any) error {
	if name == r.DefaultBranch {
		return nil
	}
	if now, err := r.branch(ctx, name); now != at || err != nil {
		return err
	}
	defer r.moved(ctx)
	if _, err := r.run(ctx, nil, nil, "update-ref", "-d", "refs/heads/"+name, string(at)); err != nil {
		return err
	}
	return g.hooks.push(ctx, r, "refs/heads/"+name, at, "", who)
}

// writeMerge merges head into the base branch and returns the commit that the branch has then.
func (g *GitHub) writeMerge(ctx context.Context, p *PullRequest, method string, base, head git.OID, who any) (git.OID, error) {
	r := p.repository
	if r.content == nil {
		return "", refuse("merging %s#%d: the repository has no folder", r.NameWithOwner(), p.Number)
	}
	b, err := g.between(ctx, r, base, head)
	if err != nil {
		return "", err
	}
	if b.conflicted {
		return "", refuse("Pull Request is not mergeable")
	}
	var merged git.OID
	switch method {
	case "REBASE":
		if merged, err = r.rebase(ctx, b, base, g.identity(who)); err != nil {
			return "", err
		}
	case "SQUASH", "MERGE", "":
		tree, err := r.run(ctx, nil, nil, "merge-tree", "--write-tree", string(base), string(head))
		if err != nil {
			return "", err
		}
		message := fmt.Sprintf("Merge pull request #%d from %s/%s\n\n%s", p.Number, ownerLogin(r.owner), p.HeadRefName, p.Title)
		parents := []git.OID{base, head}
		if method == "SQUASH" {
			message, parents = fmt.Sprintf("%s (#%d)", p.Title, p.Number), parents[:1]
		}
		if merged, err = r.commitTree(ctx, tree, g.identity(who), message, parents...); err != nil {
			return "", err
		}
	default:
		return "", refuse("merging with %q", method)
	}
	return merged, r.update(ctx, "refs/heads/"+p.BaseRefName, merged, base)
}

// rebase writes each commit of a pull request anew on top of base, with its own author.
func (r *Repository) rebase(ctx context.Context, b *between, base git.OID, identity []string) (git.OID, error) {
	onto := base
	for _, oid := range b.commits {
		commit, err := r.content.Commit(ctx, oid)
		if err != nil {
			return "", err
		}
		if len(commit.Parents) != 1 {
			continue // merges are left out, as GitHub does
		}
		// What is to be picked and what it is put on have the commit's parent as their merge base once a commit with the latter's files
		// follows that parent.
		ontoCommit, err := r.content.Commit(ctx, onto)
		if err != nil {
			return "", err
		}
		stand, err := r.commitTree(ctx, string(ontoCommit.Tree), identity, "to be merged", commit.Parents[0])
		if err != nil {
			return "", err
		}
		tree, err := r.run(ctx, nil, nil, "merge-tree", "--write-tree", string(stand), string(oid))
		if err != nil {
			return "", refuse("This branch can't be rebased")
		}
		who := append(slices.Clone(identity),
			"GIT_AUTHOR_NAME="+commit.Author.Name, "GIT_AUTHOR_EMAIL="+commit.Author.Email,
			"GIT_AUTHOR_DATE="+strconv.FormatInt(commit.Author.At.Unix(), 10)+" +0000")
		if onto, err = r.commitTree(ctx, tree, who, strings.TrimSuffix(commit.Message, "\n"), onto); err != nil {
			return "", err
		}
	}
	return onto, nil
}
