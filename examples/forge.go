package examples

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/goccy/go-yaml"
)

//go:embed forge.yaml
var forgeText []byte

// Forge is what repository hosts know of the organisation beside git. Whoever simulates a host fills it with this.
type Forge struct {
	Organisation string                     `yaml:"organisation"`
	Repositories map[string]ForgeRepository `yaml:"repositories"` // by name
	Labels       map[string]ForgeLabel      `yaml:"labels"`       // by name, those that are more than a name
	Teams        map[string][]string        `yaml:"teams"`        // logins of the members, by slug
	People       []ForgePerson              `yaml:"-"`            // sorted by login
}

// ForgePerson is somebody with an account.
type ForgePerson struct{ Login, Name, Email string }

// ForgeRepository is what a host knows of a repository.
type ForgeRepository struct {
	GitLab       string             `yaml:"gitlab"`    // its path on GitLab; empty where it is on GitHub
	Languages    map[string]float64 `yaml:"languages"` // parts in percent, where its host cannot tell by itself
	Description  string             `yaml:"description"`
	Topics       []string           `yaml:"topics"`
	Visibility   string             `yaml:"visibility"` // PUBLIC, PRIVATE or INTERNAL; empty for PUBLIC
	Stars        int                `yaml:"stars"`
	Protect      *ForgeProtection   `yaml:"protect"` // of the default branch; nil for none
	PullRequests []ForgePull        `yaml:"pullRequests"`
	Issues       []ForgeIssue       `yaml:"issues"`
	Alerts       []ForgeAlert       `yaml:"alerts"`
}

// ForgeProtection says what a change to the default branch needs.
type ForgeProtection struct {
	Approvals  int  `yaml:"approvals"`
	CodeOwners bool `yaml:"codeOwners"`
	Checks     bool `yaml:"checks"`
	Linear     bool `yaml:"linear"`
	Signatures bool `yaml:"signatures"`
}

// ForgePull is a pull request from a branch into the default branch.
type ForgePull struct {
	Number    int           `yaml:"number"`
	Branch    string        `yaml:"branch"`
	Title     string        `yaml:"title"`
	Body      string        `yaml:"body"`
	Author    string        `yaml:"author"` // a login, as all people here
	Opened    time.Time     `yaml:"opened"`
	MergedBy  string        `yaml:"mergedBy"` // who merged it, with the commit that says so in the history; empty where it is open
	Draft     bool          `yaml:"draft"`
	Labels    []string      `yaml:"labels"`
	Reviewers []string      `yaml:"reviewers"` // asked for a review
	Teams     []string      `yaml:"teams"`     // slugs, asked for a review
	Reviews   []ForgeReview `yaml:"reviews"`   // in the order of time
}

// ForgeReview is a review.
type ForgeReview struct {
	By    string    `yaml:"by"`
	State string    `yaml:"state"` // APPROVED, CHANGES_REQUESTED or COMMENTED
	At    time.Time `yaml:"at"`
}

// ForgeIssue is an issue in the tracker.
type ForgeIssue struct {
	Number    int       `yaml:"number"`
	Title     string    `yaml:"title"`
	Author    string    `yaml:"author"`
	Opened    time.Time `yaml:"opened"`
	Closed    time.Time `yaml:"closed"` // zero where it is open
	Labels    []string  `yaml:"labels"`
	Assignees []string  `yaml:"assignees"`
}

// ForgeAlert is an alert on a known vulnerability.
type ForgeAlert struct {
	Package   string `yaml:"package"`
	Ecosystem string `yaml:"ecosystem"` // as GitHub names it: NPM, PIP, MAVEN
	Severity  string `yaml:"severity"`  // CRITICAL, HIGH, MODERATE or LOW
	Summary   string `yaml:"summary"`
}

// ForgeLabel is how a label looks and what it means.
type ForgeLabel struct {
	Color       string `yaml:"color"` // six hexadecimal digits
	Description string `yaml:"description"`
}

// The addresses of the organisation's hosts. Their domain is reserved for examples, so nothing ever answers there.
const (
	GitHub = "https://github.larkfold.example"
	GitLab = "https://gitlab.larkfold.example"
)

// Page is the address of the page that a repository has on its host.
func (f *Forge) Page(repository string) string {
	if path := f.Repositories[repository].GitLab; path != "" {
		return GitLab + "/" + path
	}
	return GitHub + "/" + f.Organisation + "/" + repository
}

// forge is read once, for the addresses of repositories.
var forge = sync.OnceValue(func() *Forge {
	f, err := ReadForge()
	if err != nil {
		panic("examples: bug: " + err.Error())
	}
	return f
})

// ReadForge returns what the hosts know.
func ReadForge() (*Forge, error) {
	out := &Forge{}
	if err := yaml.UnmarshalWithOptions(forgeText, out, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("reading what the hosts of the example organisation know: %w", err)
	}
	people, err := readPeople()
	if err != nil {
		return nil, err
	}
	for _, id := range slices.Sorted(maps.Keys(people)) {
		out.People = append(out.People, ForgePerson{Login: id, Name: people[id].name, Email: people[id].email})
	}
	return out, nil
}
