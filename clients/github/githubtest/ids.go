package githubtest

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"

	"callboard.dev/callboard/clients/git"
)

// Ids look like GitHub's: letters for the type, then bytes that nobody should read. What git holds is not in the state, so its
// ids say where it is: the repository and the name of the object or ref; of a folder, which commit it is seen in, since that is how it is read.

// prefixes are the letters that an id begins with.
const (
	prefixCommit = "C"
	prefixTree   = "TR"
	prefixBlob   = "B"
	prefixTag    = "TA"
	prefixRef    = "REF"
	prefixRollup = "SCR"
)

// numbered returns the id of something with a databaseId.
func numbered(prefix string, id int) string {
	raw := binary.BigEndian.AppendUint32([]byte{0x92, 0x00, 0xce}, uint32(id))
	return prefix + "_" + base64.RawURLEncoding.EncodeToString(raw)
}

// within returns the id of what lies in a repository under a name.
func within(prefix string, r *Repository, name string) string {
	raw := binary.BigEndian.AppendUint32([]byte{0x93, 0x00, 0xce}, uint32(r.DatabaseID))
	return prefix + "_" + base64.RawURLEncoding.EncodeToString(append(raw, name...))
}

// openWithin reads an id that within made.
func openWithin(id string) (prefix string, repository int, name string, ok bool) {
	prefix, text, ok := strings.Cut(id, "_")
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if !ok || err != nil || len(raw) < 7 || raw[0] != 0x93 {
		return "", 0, "", false
	}
	return prefix, int(binary.BigEndian.Uint32(raw[3:7])), string(raw[7:]), true
}

// identify returns the id of a value.
func identify(value any) string {
	switch v := value.(type) {
	case *User:
		return numbered("U", v.DatabaseID)
	case *Organization:
		return numbered("O", v.DatabaseID)
	case *Team:
		return numbered("T", v.DatabaseID)
	case *bot:
		return numbered("BOT", v.DatabaseID)
	case *Repository:
		return numbered("R", v.DatabaseID)
	case *PullRequest:
		return numbered("PR", v.DatabaseID)
	case *Issue:
		return numbered("I", v.DatabaseID)
	case *Comment:
		return numbered("IC", v.DatabaseID)
	case *Review:
		return numbered("PRR", v.DatabaseID)
	case *reviewRequest:
		return numbered("RR", v.DatabaseID)
	case *Label:
		return numbered("LA", v.databaseID)
	case *Milestone:
		return numbered("MI", v.databaseID)
	case *Release:
		return numbered("RE", v.DatabaseID)
	case *Asset:
		return numbered("RA", v.databaseID)
	case *Check:
		return numbered("CR", v.DatabaseID)
	case *commitStatus:
		return numbered("SC", v.databaseID)
	case *checkSuite:
		return numbered("CS", v.DatabaseID)
	case *workflowRun:
		return numbered("WFR", v.DatabaseID)
	case *workflowRunFile:
		return numbered("WFRF", v.run.DatabaseID)
	case *workflow:
		return numbered("W", v.DatabaseID)
	case *app:
		return numbered("A", v.DatabaseID)
	case *Protection:
		return numbered("BPR", v.DatabaseID)
	case *Ruleset:
		return numbered("RRS", v.DatabaseID)
	case *rule:
		return numbered("RRU", v.databaseID)
	case *Alert:
		return numbered("RVA", v.databaseID)
	case *advisory:
		return numbered("GSA", v.alert.databaseID)
	case *gitCommit:
		return within(prefixCommit, v.repository, string(v.OID))
	case *gitTree:
		return within(prefixTree, v.repository, string(v.commit)+":"+v.path)
	case *gitBlob:
		return within(prefixBlob, v.repository, string(v.oid))
	case *gitTag:
		return within(prefixTag, v.repository, v.name)
	case *gitRef:
		return within(prefixRef, v.repository, v.Name)
	case *rollup:
		return within(prefixRollup, v.commit.repository, string(v.commit.OID))
	case *pullCommit:
		return within("PURC", v.pull.repository, fmt.Sprintf("%d:%s", v.pull.Number, v.commit.OID))
	case *comparison:
		return within("CMP", v.base.repository, string(v.base.OID+":"+v.head.OID))
	case *language:
		return "LG_" + base64.RawURLEncoding.EncodeToString([]byte(v.Name))
	case *license:
		return "L_" + base64.RawURLEncoding.EncodeToString([]byte(v.Key))
	case *topic:
		return "TO_" + base64.RawURLEncoding.EncodeToString([]byte(v.Name))
	case *repositoryTopic:
		return within("RT", v.repository, v.topic.Name)
	}
	panic(fmt.Sprintf("githubtest: bug: a %T has no id", value))
}

// register makes a value found by its id. It is called with the lock held.
func (g *GitHub) register(value any) { g.state.nodes[identify(value)] = value }

// node returns the value with an id, nil where there is none.
func (g *GitHub) node(c *call, id string) (any, error) {
	if value := g.state.nodes[id]; value != nil {
		return value, nil
	}
	prefix, number, name, ok := openWithin(id)
	if !ok {
		return nil, nil
	}
	r, _ := g.state.nodes[numbered("R", number)].(*Repository)
	if r == nil {
		return nil, nil
	}
	if prefix == prefixRef {
		ref, err := g.refNamed(c, r, name)
		if ref == nil || err != nil {
			return nil, err // in an interface, a nil pointer would be a value
		}
		return ref, nil
	}
	if prefix == prefixTag {
		ref, err := g.refNamed(c, r, "refs/tags/"+name)
		if ref == nil || err != nil {
			return nil, err
		}
		return g.target(c, ref)
	}
	name, path, _ := strings.Cut(name, ":")
	oid, ok := git.ParseOID(name)
	if !ok {
		return nil, nil
	}
	if prefix == prefixTree {
		commit, err := g.commit(c.ctx, r, oid)
		if commit == nil || err != nil {
			return nil, err
		}
		return g.at(c.ctx, commit, path)
	}
	return g.objectOf(c, r, prefix, oid)
}
