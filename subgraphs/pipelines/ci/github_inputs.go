package ci

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// The bounds of what a workflow takes. GitHub takes 25 inputs ("Create a workflow dispatch event", since December 2025) of 65,535 characters together; the others are
// by judgement: what a form can show.
const (
	gitHubMostWorkflow    = 256 << 10 // bytes of the file
	gitHubMostInputs      = 25
	gitHubMostChoices     = 200
	gitHubMostDefault     = 4 << 10 // bytes
	gitHubMostDescription = 1 << 10 // bytes
)

// gitHubInputName is what the name of an input may be ("Metadata syntax", inputs.<input_id>).
var gitHubInputName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]{0,99}$`)

// gitHubInputs reads what somebody is asked who starts the workflow of a file, in the order of the file:
//
//	on:
//	  workflow_dispatch:
//	    inputs:
//	      target:
//	        description: Where to
//	        type: choice
//	        options: [web, app]
//	        default: web
//
// A file with anything odd on the way there, such as an alias, tells nothing: GitHub itself checks what it is given.
func gitHubInputs(text []byte) []Parameter {
	root := gitHubYAML(text)
	for _, key := range []string{"on", "workflow_dispatch", "inputs"} {
		root = gitHubField(root, key)
	}
	if root == nil || root.Kind != yaml.MappingNode || len(root.Content) > 2*gitHubMostInputs || gitHubOdd(root) {
		return nil
	}
	var out []Parameter
	for i := 0; i+1 < len(root.Content); i += 2 {
		p, ok := gitHubInput(root.Content[i].Value, root.Content[i+1])
		if !ok {
			return nil
		}
		out = append(out, p)
	}
	return out
}

// gitHubYAML returns the root of a text that is one document in YAML, else nil. The library itself bounds how deep one nests.
func gitHubYAML(text []byte) (root *yaml.Node) {
	if len(text) > gitHubMostWorkflow {
		return nil
	}
	defer func() {
		if recover() != nil { // the library panics inside; what it does not catch is the text's fault, too
			root = nil
		}
	}()
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var document, rest yaml.Node
	if decoder.Decode(&document) != nil || !errors.Is(decoder.Decode(&rest), io.EOF) || document.Kind != yaml.DocumentNode || len(document.Content) != 1 {
		return nil
	}
	return document.Content[0]
}

// gitHubField returns the value of a key of a mapping, nil where there is none.
func gitHubField(node *yaml.Node, key string) *yaml.Node {
	if node == nil || node.Kind != yaml.MappingNode {
		return nil
	}
	var found *yaml.Node
	for i := 0; i+1 < len(node.Content); i += 2 {
		if name := node.Content[i]; name.Kind == yaml.ScalarNode && name.Value == key {
			if found != nil {
				return nil // twice
			}
			found = node.Content[i+1]
		}
	}
	return found
}

// gitHubOdd tells whether something in the mapping is no key of its own: a merge, an alias, or one that comes twice.
func gitHubOdd(mapping *yaml.Node) bool {
	var names []string
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		name := mapping.Content[i]
		if name.Kind != yaml.ScalarNode || name.Tag == "!!merge" || slices.Contains(names, name.Value) {
			return true
		}
		names = append(names, name.Value)
	}
	return false
}

// gitHubInput reads an input, and tells whether it is one.
func gitHubInput(name string, node *yaml.Node) (p Parameter, ok bool) {
	p.Name = name
	if !gitHubInputName.MatchString(name) {
		return p, false
	}
	if node.Kind == yaml.ScalarNode && node.Tag == "!!null" {
		return p, true // all is left out
	}
	const mostFields = 20 // there are six
	if node.Kind != yaml.MappingNode || len(node.Content) > 2*mostFields || gitHubOdd(node) {
		return p, false
	}
	text := func(key string, most int) string {
		value := gitHubField(node, key)
		switch {
		case value == nil || value.Kind == yaml.ScalarNode && value.Tag == "!!null":
			return ""
		case value.Kind != yaml.ScalarNode || len(value.Value) > most:
			ok = false
			return ""
		}
		return value.Value
	}
	ok = true
	p.Description, p.Default = text("description", gitHubMostWorkflow), text("default", gitHubMostDefault)
	if len(p.Description) > gitHubMostDescription {
		p.Description = strings.ToValidUTF8(p.Description[:gitHubMostDescription], "")
	}
	if p.Required = strings.EqualFold(text("required", 5), "true"); !ok {
		return p, false
	}
	switch text("type", 20) {
	case "boolean":
		p.Choices = []string{"true", "false"}
	case "choice":
		options := gitHubField(node, "options")
		if options == nil || options.Kind != yaml.SequenceNode || len(options.Content) == 0 || len(options.Content) > gitHubMostChoices {
			return p, false
		}
		for _, option := range options.Content {
			if option.Kind != yaml.ScalarNode || len(option.Value) > gitHubMostDefault {
				return p, false
			}
			p.Choices = append(p.Choices, option.Value)
		}
	}
	return p, ok
}
