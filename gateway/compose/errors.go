package compose

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// maxErrors is where a composition stops collecting: past a few hundred nobody reads on, and a hostile schema could ask for millions.
const maxErrors = 500

// Error is one reason why subgraphs do not compose.
type Error struct {
	Code    Code
	Message string // what is wrong and what to do
	Places  []Place
}

// Place is where something is written. Line and Column count from 1 and are 0 where nothing in the text can be pointed at.
type Place struct {
	Subgraph     string
	File         string
	Line, Column int
}

// Errors is a list of composition errors. It is not itself an error, so that an empty list can never be mistaken for one: Err
// converts it.
type Errors []Error

// Err returns the errors as one, or nil where there are none.
func (e Errors) Err() error {
	if len(e) == 0 {
		return nil
	}
	texts := make([]string, len(e))
	for i, one := range e {
		texts[i] = one.Error()
	}
	return errors.New(strings.Join(texts, "\n"))
}

// Error returns the code, the message and the places, such as
// "KEY_INVALID_FIELDS: ... (catalog.graphqls:12:3)".
func (e Error) Error() string {
	return text(string(e.Code), e.Message, e.Places)
}

// String returns file:line:column, with the subgraph where no file is known.
func (p Place) String() string {
	where := p.File
	if where == "" {
		where = p.Subgraph
	}
	if p.Line == 0 {
		return where
	}
	return fmt.Sprintf("%s:%d:%d", where, p.Line, p.Column)
}

func text(code, message string, places []Place) string {
	if len(places) == 0 {
		return code + ": " + message
	}
	where := make([]string, len(places))
	for i, place := range places {
		where[i] = place.String()
	}
	return code + ": " + message + " (" + strings.Join(where, ", ") + ")"
}

// sorted returns the errors by place, then code, then message, without repetitions.
func (e Errors) sorted() Errors {
	slices.SortStableFunc(e, func(a, b Error) int {
		return cmp.Or(comparePlaces(a.Places, b.Places), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Message, b.Message))
	})
	return slices.CompactFunc(e, func(a, b Error) bool {
		return a.Code == b.Code && a.Message == b.Message && slices.Equal(a.Places, b.Places)
	})
}

func comparePlaces(a, b []Place) int {
	return slices.CompareFunc(a, b, func(a, b Place) int {
		return cmp.Or(cmp.Compare(a.Subgraph, b.Subgraph), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}

// HintCode names a kind of hint.
type HintCode string

// What composes but deserves a look.
const (
	InconsistentDescription     HintCode = "INCONSISTENT_DESCRIPTION"
	InconsistentArgument        HintCode = "INCONSISTENT_ARGUMENT_PRESENCE"
	InconsistentInputField      HintCode = "INCONSISTENT_INPUT_OBJECT_FIELD"
	InconsistentEnumValue       HintCode = "INCONSISTENT_ENUM_VALUE_FOR_INPUT_ENUM"
	InconsistentDirective       HintCode = "INCONSISTENT_EXECUTABLE_DIRECTIVE_PRESENCE"
	InconsistentNonRepeatable   HintCode = "INCONSISTENT_NON_REPEATABLE_DIRECTIVE_ARGUMENTS"
	InconsistentRuntimeTypes    HintCode = "INCONSISTENT_RUNTIME_TYPES_FOR_SHAREABLE_RETURN"
	OverriddenSubgraphMissing   HintCode = "FROM_SUBGRAPH_DOES_NOT_EXIST"
	OverrideCanBeRemoved        HintCode = "OVERRIDE_DIRECTIVE_CAN_BE_REMOVED"
	OverriddenFieldCanBeRemoved HintCode = "OVERRIDDEN_FIELD_CAN_BE_REMOVED"
	MigrationInProgress         HintCode = "OVERRIDE_MIGRATION_IN_PROGRESS"
	UnusedEnum                  HintCode = "UNUSED_ENUM_TYPE"
	DirectiveDropped            HintCode = "DIRECTIVE_NOT_IN_SUPERGRAPH"
	SatisfiabilityUnknown       HintCode = "SATISFIABILITY_NOT_FULLY_CHECKED"
)

// Hint is something that composed, but perhaps not as its authors think.
type Hint struct {
	Code    HintCode
	Message string
	Places  []Place
}

// String returns the code, the message and the places.
func (h Hint) String() string {
	return text(string(h.Code), h.Message, h.Places)
}
