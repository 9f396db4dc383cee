package supergraph_test

import (
	"os"
	"path/filepath"
	"testing"

	"callboard.dev/callboard/gateway/supergraph"
)

func TestReadCases(t *testing.T) {
	files, _ := filepath.Glob("../../../shared/federation-cases/*/supergraph.graphql")
	if len(files) == 0 {
		t.Skip("no folder of federation cases beside the repository")
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s, err := supergraph.Read(file, string(text))
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if s.API.Query == nil || s.Type("Query") == nil || len(s.Subgraphs) < 2 {
			t.Errorf("%s: no Query or no subgraphs", file)
		}
		if s.API.Types["join__FieldSet"] != nil || s.API.Directives["join__type"] != nil {
			t.Errorf("%s: federation machinery left in the API schema", file)
		}
	}
}
