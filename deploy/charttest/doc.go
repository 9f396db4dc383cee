// Package charttest checks what lies in deploy: the Helm chart, the compose file and the Dockerfile. In go sets of values; out come Kubernetes objects,
// which are decoded strictly, held against what must be true of all of them, and their configuration read as Callboard reads it.
//
// The one rule: nothing here is part of the program. It is a module of its own, so that what it needs of Helm, Kubernetes and Docker stays out of
// Callboard's go.mod. Open chart_test.go first; each file in testdata/values is one way to install Callboard.
package charttest
