package main_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"callboard.dev/callboard/subgraphs/catalog/catalogtest"
)

// pages are what a portal's screens ask for, each in one request.
var pages = []struct{ name, query string }{
	{"one-component", `{ entity(ref: "%s") { ref title description tags links { url title }
		owner { ref ... on Group { profile { displayName email } members(first: 20) { totalCount nodes { ref } } } }
		... on Component { type lifecycle system { ref domain { ref } } providesApis(first: 10) { nodes { ref type } }
			dependsOn(first: 20) { nodes { target { ref } targetRef missing } } dependencyOf(first: 20) { totalCount } }
		issues { severity rule message } } }`},
	{"list-of-20", `{ entities(filter: { kind: "Component", type: "service" }, orderBy: [{ field: LIFECYCLE }, { field: NAME }], first: 20) {
		totalCount pageInfo { hasNextPage endCursor } facets(of: [TYPE, LIFECYCLE, TAG]) { field values { value count } }
		nodes { ref title owner { ref } ... on Component { type lifecycle system { ref domain { ref } } dependsOn(first: 10) { nodes { targetRef } } providesApis(first: 5) { nodes { ref } } } } } }`},
	{"list-of-20-with-repositories", `{ entities(filter: { kind: "Component" }, first: 20) { totalCount
		nodes { ref repository { nameWithOwner defaultBranch headCommit { abbreviatedOid messageHeadline committedAt author { name } } } } } }`},
}

// BenchmarkPage measures a portal's pages through HTTP on 10,000 entities in one git repository: beside the time of a request, the CPU time of
// the whole process for it.
func BenchmarkPage(b *testing.B) {
	folder := b.TempDir()
	if _, err := catalogtest.Write(folder, 10_000); err != nil {
		b.Fatal(err)
	}
	commit(b, folder)
	s := start(b, "up", folder)
	first := s.query(`{ entities(filter: { kind: "Component" }, first: 1) { nodes { ref } } }`, nil)
	ref := list(first["data"].(map[string]any), "entities", "nodes")[0]["ref"].(string)
	for _, page := range pages {
		b.Run(page.name, func(b *testing.B) {
			query := strings.Replace(page.query, "%s", ref, 1)
			s.t = b
			if answer := s.query(query, nil); answer["errors"] != nil {
				b.Fatal(answer["errors"])
			}
			began := processCPU(b, s.process.Process.Pid)
			for b.Loop() {
				if out := s.post(query, nil); !json.Valid(out) {
					b.Fatal("not JSON")
				}
			}
			b.ReportMetric((processCPU(b, s.process.Process.Pid)-began)*1000/float64(b.N), "cpu-ms/op")
		})
	}
}

// processCPU returns the seconds of CPU time a process has used.
func processCPU(b *testing.B, pid int) float64 {
	stat, err := os.ReadFile(filepath.Join("/proc", fmt.Sprint(pid), "stat"))
	if err != nil {
		return 0
	}
	// The name may hold spaces; it ends with the last parenthesis. User and system time are the fields 14 and 15, in hundredths of a second.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 13 {
		return 0
	}
	var user, system float64
	fmt.Sscan(fields[11], &user)
	fmt.Sscan(fields[12], &system)
	return (user + system) / 100
}
