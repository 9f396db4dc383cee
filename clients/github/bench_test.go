package github_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"callboard.dev/callboard/clients/github"
)

// BenchmarkRepositories reads an answer of twenty repositories with all they can have, about 60 KB, on the way it goes from the transport: within
// bounds, without its errors, through githubv4.
func BenchmarkRepositories(b *testing.B) {
	var body strings.Builder
	body.WriteString(`{"data":{`)
	slugs := make([]github.Slug, 20)
	for i := range slugs {
		slugs[i] = github.Slug{Owner: "larkfold", Name: fmt.Sprintf("repository-%d", i)}
		if i > 0 {
			body.WriteByte(',')
		}
		fmt.Fprintf(&body, `"r%d":%s`, i, oneRepository)
	}
	body.WriteString(`}}`)
	c, a := text(b, body.String())
	b.SetBytes(int64(body.Len()))
	b.ReportAllocs()
	for b.Loop() {
		a.asked = nil
		repositories, errs := c.Repositories(context.Background(), slugs)
		if repositories[19] == nil {
			b.Fatal(errs[19])
		}
	}
}
