package main

import (
	"fmt"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/lexer"
)

// setAddresses returns the text of a supergraph with the routing addresses of its subgraphs replaced: the argument url of every join__graph. All else stays as it
// is written, whatever it is.
func setAddresses(text string, address func(subgraph string) string) (string, error) {
	type edit struct {
		start, end int // in characters, quotes included
		url        string
	}
	var (
		edits  []edit
		tokens = lexer.New(&ast.Source{Name: "supergraph", Input: text})
		before [2]lexer.Token
	)
	read := func() (lexer.Token, error) {
		for {
			token, err := tokens.ReadToken()
			if err != nil {
				return token, fmt.Errorf("reading a supergraph: %w", err)
			}
			if token.Kind != lexer.Comment {
				return token, nil
			}
		}
	}
	for {
		token, err := read()
		if err != nil {
			return "", err
		}
		if token.Kind == lexer.EOF {
			break
		}
		applied := before[0].Kind == lexer.At && before[1].Kind == lexer.Name && before[1].Value == "join__graph" && token.Kind == lexer.ParenL
		before = [2]lexer.Token{before[1], token}
		if !applied {
			continue
		}
		var name, argument string
		var url lexer.Token // its position has the source, once there is one
		for token.Kind != lexer.ParenR && token.Kind != lexer.EOF {
			if token, err = read(); err != nil {
				return "", err
			}
			isText := token.Kind == lexer.String || token.Kind == lexer.BlockString
			switch {
			case token.Kind == lexer.Name:
				argument = token.Value
			case isText && argument == "name":
				name = token.Value
			case isText && argument == "url":
				url = token
			}
		}
		// What is not two strings is the definition of the directive.
		if name != "" && url.Pos.Src != nil {
			edits = append(edits, edit{url.Pos.Start, url.Pos.End, address(name)})
		}
	}
	if len(edits) == 0 {
		return "", fmt.Errorf("reading a supergraph: it has no join__graph with a name and a url")
	}
	var out strings.Builder
	characters := []rune(text)
	at := 0
	for _, e := range edits {
		out.WriteString(string(characters[at:e.start]))
		fmt.Fprintf(&out, "%q", e.url)
		at = e.end
	}
	out.WriteString(string(characters[at:]))
	return out.String(), nil
}
