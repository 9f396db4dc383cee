package githubtest

import (
	"context"
	"path"
	"slices"
	"strings"

	"callboard.dev/callboard/clients/git"
)

// language is a programming language, with the bytes of it in some repository.
type language struct {
	Name, Color string
	size        int
}

type license struct {
	Key, Name, SpdxID string
}

type topic struct{ Name string }

type repositoryTopic struct {
	topic      *topic
	repository *Repository
}

// summary is what GitHub works out from the files of a commit.
type summary struct {
	languages []*language // by size, the largest first
	size      int         // bytes of all files
	license   *license
	readme    string // path, or empty
}

// Bounds of a summary: folders and files beyond are left out, as GitHub does with very large repositories.
const (
	summaryFolders = 5000
	summaryFiles   = 50_000
)

// languagesByEnding are the languages that GitHub counts, of those that a team is likely to have. The colours are those of its web page.
var languagesByEnding = map[string]language{
	".go": {Name: "Go", Color: "#00ADD8"}, ".kt": {Name: "Kotlin", Color: "#A97BFF"}, ".kts": {Name: "Kotlin", Color: "#A97BFF"},
	".swift": {Name: "Swift", Color: "#F05138"}, ".ts": {Name: "TypeScript", Color: "#3178c6"}, ".tsx": {Name: "TypeScript", Color: "#3178c6"},
	".js": {Name: "JavaScript", Color: "#f1e05a"}, ".mjs": {Name: "JavaScript", Color: "#f1e05a"}, ".jsx": {Name: "JavaScript", Color: "#f1e05a"},
	".py": {Name: "Python", Color: "#3572A5"}, ".rs": {Name: "Rust", Color: "#dea584"}, ".java": {Name: "Java", Color: "#b07219"},
	".rb": {Name: "Ruby", Color: "#701516"}, ".sh": {Name: "Shell", Color: "#89e051"}, ".tf": {Name: "HCL", Color: "#844FBA"},
	".css": {Name: "CSS", Color: "#663399"}, ".html": {Name: "HTML", Color: "#e34c26"}, ".c": {Name: "C", Color: "#555555"},
	".h": {Name: "C", Color: "#555555"}, ".cc": {Name: "C++", Color: "#f34b7d"}, ".cpp": {Name: "C++", Color: "#f34b7d"},
	".scala": {Name: "Scala", Color: "#c22d40"}, ".groovy": {Name: "Groovy", Color: "#4298b8"}, ".php": {Name: "PHP", Color: "#4F5D95"},
	".dart": {Name: "Dart", Color: "#00B4AB"}, ".cs": {Name: "C#", Color: "#178600"},
}

var languagesByName = map[string]language{
	"Dockerfile": {Name: "Dockerfile", Color: "#384d54"}, "Makefile": {Name: "Makefile", Color: "#427819"},
	"Jenkinsfile": {Name: "Groovy", Color: "#4298b8"},
}

// licenses are told by what their text begins with or must hold.
var licenses = []struct {
	license
	holds string
}{
	{license{"mit", "MIT License", "MIT"}, "Permission is hereby granted, free of charge, to any person obtaining a copy"},
	{license{"apache-2.0", "Apache License 2.0", "Apache-2.0"}, "Apache License"},
	{license{"agpl-3.0", "GNU Affero General Public License v3.0", "AGPL-3.0"}, "GNU AFFERO GENERAL PUBLIC LICENSE"},
	{license{"gpl-3.0", "GNU General Public License v3.0", "GPL-3.0"}, "GNU GENERAL PUBLIC LICENSE"},
	{license{"mpl-2.0", "Mozilla Public License 2.0", "MPL-2.0"}, "Mozilla Public License Version 2.0"},
	{license{"bsd-3-clause", "BSD 3-Clause \"New\" or \"Revised\" License", "BSD-3-Clause"}, "Neither the name of the copyright holder"},
	{license{"bsd-2-clause", "BSD 2-Clause \"Simplified\" License", "BSD-2-Clause"}, "Redistribution and use in source and binary forms"},
	{license{"unlicense", "The Unlicense", "Unlicense"}, "This is free and unencumbered software"},
}

// otherLicense is what GitHub answers where there is a licence that it does not know.
var otherLicense = license{"other", "Other", "NOASSERTION"}

// summarise returns the summary of a commit, which is remembered: a commit does not change.
func (g *GitHub) summarise(ctx context.Context, c *gitCommit) (*summary, error) {
	key := string(c.OID) + " " + c.repository.content.Path
	if known, ok := g.remembered.Load(key); ok {
		return known.(*summary), nil
	}
	s, sizes := &summary{}, map[language]int{}
	files, err := g.walk(ctx, c, "")
	if err != nil {
		return nil, err
	}
	oids := make([]git.OID, len(files))
	for i, f := range files {
		oids[i] = f.OID
	}
	bytes, err := c.repository.content.Sizes(ctx, oids)
	if err != nil {
		return nil, err
	}
	for i, f := range files {
		size := int(max(0, bytes[i]))
		s.size += size
		if l, ok := languageOf(f.Path); ok && size > 0 && !vendored(f.Path) {
			sizes[l] += size
		}
		if s.readme == "" && !strings.Contains(f.Path, "/") && strings.HasPrefix(strings.ToLower(f.Path), "readme") {
			s.readme = f.Path
		}
		if s.license == nil && !strings.Contains(f.Path, "/") && licenceFile(f.Path) {
			if s.license, err = g.readLicense(ctx, c, f.OID); err != nil {
				return nil, err
			}
		}
	}
	for l, size := range sizes {
		s.languages = append(s.languages, &language{Name: l.Name, Color: l.Color, size: size})
	}
	slices.SortFunc(s.languages, func(a, b *language) int {
		if a.size != b.size {
			return b.size - a.size
		}
		return strings.Compare(a.Name, b.Name)
	})
	g.remembered.Store(key, s)
	return s, nil
}

// walk returns the files of a commit below a path, by path.
func (g *GitHub) walk(ctx context.Context, c *gitCommit, below string) ([]git.Entry, error) {
	var files []git.Entry
	folders := []string{below}
	for looked := 0; len(folders) > 0 && looked < summaryFolders; looked++ {
		entries, err := c.repository.content.List(ctx, c.OID, folders[0])
		if err != nil {
			return nil, err
		}
		folders = folders[1:]
		for _, e := range entries {
			switch e.Kind {
			case git.KindFolder:
				folders = append(folders, e.Path)
			case git.KindFile, git.KindExecutable:
				if len(files) < summaryFiles {
					files = append(files, e)
				}
			}
		}
	}
	slices.SortFunc(files, func(a, b git.Entry) int { return strings.Compare(a.Path, b.Path) })
	return files, nil
}

func languageOf(file string) (language, bool) {
	if l, ok := languagesByName[path.Base(file)]; ok {
		return l, true
	}
	l, ok := languagesByEnding[strings.ToLower(path.Ext(file))]
	return l, ok
}

// vendored reports whether a file came from elsewhere, as GitHub's statistics have it.
func vendored(file string) bool {
	for part := range strings.SplitSeq(path.Dir(file), "/") {
		if part == "vendor" || part == "node_modules" || part == "third_party" || part == "docs" || part == "dist" {
			return true
		}
	}
	return false
}

func licenceFile(name string) bool {
	stem := strings.ToLower(strings.TrimSuffix(name, path.Ext(name)))
	return stem == "license" || stem == "licence" || stem == "copying" || stem == "unlicense"
}

func (g *GitHub) readLicense(ctx context.Context, c *gitCommit, oid git.OID) (*license, error) {
	blob, err := c.repository.content.Blob(ctx, oid)
	if err != nil {
		return nil, err
	}
	words := strings.Join(strings.Fields(string(blob.Data)), " ")
	for _, l := range licenses {
		if strings.Contains(words, l.holds) {
			return &l.license, nil
		}
	}
	return &otherLicense, nil
}

func licenseNamed(spdx string) *license {
	for _, l := range licenses {
		if strings.EqualFold(l.SpdxID, spdx) {
			return &l.license
		}
	}
	return &otherLicense
}
