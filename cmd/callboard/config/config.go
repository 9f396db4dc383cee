// Package config reads Callboard's one configuration file, callboard.yaml. In goes YAML, out comes a Config whose every value has
// been checked, or errors that name the line, the key and what is allowed there.
//
// The rule: a file is either understood to the last key or refused, and a secret never leaves the Config as text, neither
// printed nor in an error.
//
// Open callboard.example.yaml first: it holds every key with its default. Then read.go for how a file becomes a Config.
package config

import (
	_ "embed"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/goccy/go-yaml"

	"callboard.dev/callboard/gateway/execute"
	"callboard.dev/callboard/gateway/operation"
	"callboard.dev/callboard/gateway/plan"
	"callboard.dev/callboard/gateway/server"
)

// Config is everything a configuration file can say. Its paths are absolute once it was read from a file. The yaml tags are
// the keys; callboard.example.yaml explains each.
type Config struct {
	Listen    string     `yaml:"listen" validate:"address"`
	Folders   []string   `yaml:"folders" validate:"dive,required"`
	State     string     `yaml:"state" validate:"required"`
	Store     Secret     `yaml:"store" validate:"omitempty,store"`
	PublicURL string     `yaml:"publicURL" validate:"omitempty,endpoint"`
	Log       Log        `yaml:"log"`
	Server    Server     `yaml:"server"`
	Limits    Limits     `yaml:"limits"`
	Sources   []Source   `yaml:"sources" validate:"dive"`
	Cache     Cache      `yaml:"cache"`
	Access    Access     `yaml:"access"`
	Subgraphs []Subgraph `yaml:"subgraphs" validate:"dive"`
	Gateway   Gateway    `yaml:"gateway"`
}

// Log says what is logged and how.
type Log struct {
	Level  string `yaml:"level" validate:"oneof=debug info warn error"`
	Format string `yaml:"format" validate:"oneof=text json"`
}

// SlogLevel is the level as slog knows it.
func (l Log) SlogLevel() slog.Level {
	var level slog.Level
	if err := level.UnmarshalText([]byte(l.Level)); err != nil {
		return slog.LevelInfo
	}
	return level
}

// Server says how requests are taken in.
type Server struct {
	Timeout         Duration `yaml:"timeout" validate:"gt=0"`
	MaxBody         Size     `yaml:"maxBody" validate:"gt=0"`
	AllowedOrigins  []string `yaml:"allowedOrigins" validate:"dive,origin"`
	AllowedHosts    []string `yaml:"allowedHosts" validate:"dive,allowedhost"`
	Playground      bool     `yaml:"playground"`
	Introspection   bool     `yaml:"introspection"`
	ShutdownTimeout Duration `yaml:"shutdownTimeout" validate:"gt=0"`
	OverrideLabels  []string `yaml:"overrideLabels" validate:"dive,required"`
	ShareRequests   bool     `yaml:"shareRequests"`
	MaxStreams      int      `yaml:"maxStreams" validate:"gt=0"`
}

// Limits bound what one operation may ask for.
type Limits struct {
	Tokens     int `yaml:"tokens" validate:"gt=0"`
	Depth      int `yaml:"depth" validate:"gt=0"`
	Fields     int `yaml:"fields" validate:"gt=0"`
	Aliases    int `yaml:"aliases" validate:"gt=0"`
	RootFields int `yaml:"rootFields" validate:"gt=0"`
	Directives int `yaml:"directives" validate:"gt=0"`
	SameKey    int `yaml:"sameKey" validate:"gt=0"`
	PlanBudget int `yaml:"planBudget" validate:"gt=0"`
	Values     int `yaml:"values" validate:"gt=0"`
}

// Operation returns the limits that hold for an operation's text.
func (l Limits) Operation() operation.Limits {
	return operation.Limits{
		Tokens: l.Tokens, Depth: l.Depth, Fields: l.Fields, Aliases: l.Aliases,
		RootFields: l.RootFields, Directives: l.Directives, SameKey: l.SameKey,
	}
}

// Subgraph is a subgraph that is reached over HTTP.
type Subgraph struct {
	Name           string            `yaml:"name" validate:"subgraph"`
	URL            string            `yaml:"url" validate:"omitempty,endpoint"`
	Schema         string            `yaml:"schema"`
	Headers        map[string]Secret `yaml:"headers" validate:"dive,keys,header,endkeys,headervalue"`
	ForwardHeaders []string          `yaml:"forwardHeaders" validate:"dive,header"`
	Timeout        Duration          `yaml:"timeout" validate:"gt=0"`
	Subscriptions  string            `yaml:"subscriptions" validate:"omitempty,oneof=sse ws"`
	ExposeErrors   bool              `yaml:"exposeErrors"`
	Cache          bool              `yaml:"cache"`
}

// Source is a system outside of Callboard.
type Source struct {
	Name           string              `yaml:"name" validate:"source"`
	Kind           string              `yaml:"kind" validate:"oneof=github gitlab jenkins"`
	URL            string              `yaml:"url" validate:"endpoint"`
	API            string              `yaml:"api" validate:"omitempty,endpoint"`
	User           string              `yaml:"user" validate:"omitempty,user"`
	Token          Secret              `yaml:"token" validate:"omitempty,headervalue"`
	App            App                 `yaml:"app"`
	WebhookSecrets []Secret            `yaml:"webhookSecrets" validate:"dive,omitempty,headervalue"`
	Timeout        Duration            `yaml:"timeout" validate:"gt=0"`
	Concurrency    int                 `yaml:"concurrency" validate:"gt=0"`
	AllowAddresses []string            `yaml:"allowAddresses" validate:"dive,prefix"`
	Fresh          map[string]Duration `yaml:"fresh" validate:"dive,gt=0"`
	Keep           Duration            `yaml:"keep" validate:"gt=0"`
	Discover       Discover            `yaml:"discover"`
	Reports        []ReportRule        `yaml:"reports" validate:"dive"`
	Announce       Announce            `yaml:"announce"`
}

// ReportRule says which files that runs leave are reports of tests or coverage.
type ReportRule struct {
	Repositories []string `yaml:"repositories" validate:"dive,required"`
	Artifact     string   `yaml:"artifact"`
	Files        []string `yaml:"files" validate:"dive,required"`
	Kind         string   `yaml:"kind" validate:"oneof=coverage tests"`
	Format       string   `yaml:"format"`
	Flag         string   `yaml:"flag"`
}

// Announce says which pull requests get a link to their view.
type Announce struct {
	As           string   `yaml:"as" validate:"oneof=none status comment"`
	Repositories []string `yaml:"repositories" validate:"dive,required"`
}

// Access says who may do what takes a permission.
type Access struct {
	Anonymous []string      `yaml:"anonymous" validate:"dive,permission"`
	Tokens    []AccessToken `yaml:"tokens" validate:"dive"`
}

// AccessToken lets who knows it be somebody.
type AccessToken struct {
	Name  string   `yaml:"name" validate:"source"`
	Token Secret   `yaml:"token" validate:"omitempty,headervalue"` // empty: nobody has it
	May   []string `yaml:"may" validate:"dive,permission"`
}

// App is a GitHub App that is used in place of a token.
type App struct {
	ID           int    `yaml:"id" validate:"gte=0"`
	Installation int    `yaml:"installation" validate:"gte=0"`
	Key          string `yaml:"key"`
}

// Discover says which repositories of a source are searched for catalog files.
type Discover struct {
	Groups []string `yaml:"groups" validate:"dive,required"`
	File   string   `yaml:"file" validate:"required"`
	Every  Duration `yaml:"every" validate:"gt=0"`
}

// Cache says how answers of sources are remembered.
type Cache struct {
	Memory Size  `yaml:"memory" validate:"gt=0"`
	Redis  Redis `yaml:"redis"`
}

// Redis is where replicas remember together.
type Redis struct {
	Addresses        []string `yaml:"addresses" validate:"dive,address"`
	Master           string   `yaml:"master"`
	Cluster          bool     `yaml:"cluster"`
	Username         string   `yaml:"username"`
	Password         Secret   `yaml:"password"`
	SentinelPassword Secret   `yaml:"sentinelPassword"`
	Database         int      `yaml:"database" validate:"gte=0"`
	TLS              bool     `yaml:"tls"`
	Prefix           string   `yaml:"prefix" validate:"source"`
}

// Gateway is what only "callboard gateway" uses.
type Gateway struct {
	Supergraph string     `yaml:"supergraph"`
	Subgraphs  []Subgraph `yaml:"subgraphs" validate:"dive"`
}

// What holds of a source that does not say otherwise.
const (
	defaultSourceTimeout     = Duration(10 * time.Second)
	defaultSourceConcurrency = 20 // of the hundred that GitHub allows at once
	jenkinsConcurrency       = 4  // it reads what it is asked for from its disk, and announces no limits
	defaultKeep              = Duration(7 * 24 * time.Hour)
	defaultDiscoverEvery     = Duration(10 * time.Minute)
	defaultDiscoverFile      = "catalog-info.yaml"
)

// NewSource returns a source with the defaults of everything that need not be said.
func NewSource() Source {
	return Source{Timeout: defaultSourceTimeout, Concurrency: defaultSourceConcurrency, Keep: defaultKeep, Discover: Discover{File: defaultDiscoverFile, Every: defaultDiscoverEvery},
		Announce: Announce{As: "none"}}
}

// concurrency is the default of one key that depends on what the source is.
func (s Source) concurrency() int {
	if s.Kind == "jenkins" {
		return jenkinsConcurrency
	}
	return defaultSourceConcurrency
}

// FirstParty are the names of Callboard's own subgraphs, which no other may take in one graph with them.
var FirstParty = []string{
	"alerts", "catalog", "deployments", "docs", "infrastructure", "performance", "pipelines", "repos", "sources", "templates",
}

// defaultSubgraphTimeout is what one request to a subgraph may take where nothing is said.
const defaultSubgraphTimeout = Duration(execute.DefaultSubgraphTimeout)

// Default returns the configuration of a Callboard without a file. State is empty where the environment names no home; Check
// says so.
func Default() Config { return defaults(os.LookupEnv) }

func defaults(env func(string) (string, bool)) Config {
	limits := operation.DefaultLimits
	return Config{
		Listen: "localhost:4000",
		State:  stateFolder(env),
		Log:    Log{Level: "info", Format: "text"},
		Server: Server{
			Timeout:         Duration(server.DefaultTimeout),
			MaxBody:         server.DefaultMaxBody,
			Playground:      true,
			Introspection:   true,
			ShutdownTimeout: Duration(server.DefaultShutdownTimeout),
			ShareRequests:   true,
			MaxStreams:      server.DefaultMaxStreams,
		},
		Limits: Limits{
			Tokens: limits.Tokens, Depth: limits.Depth, Fields: limits.Fields, Aliases: limits.Aliases,
			RootFields: limits.RootFields, Directives: limits.Directives, SameKey: limits.SameKey, PlanBudget: plan.DefaultBudget,
			Values: execute.DefaultMaxValues,
		},
		Cache: Cache{Memory: 64 << 20, Redis: Redis{Prefix: "callboard"}},
	}
}

// stateFolder is where the XDG base directory specification puts what a program must not forget. A relative XDG_STATE_HOME is
// to be ignored.
func stateFolder(env func(string) (string, bool)) string {
	if state, _ := env("XDG_STATE_HOME"); filepath.IsAbs(state) {
		return filepath.Join(state, "callboard")
	}
	if home, _ := env("HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, ".local", "state", "callboard")
	}
	return ""
}

// Subgraph returns how to reach the subgraph of that name: as gateway.subgraphs says, else as subgraphs says, else with the
// defaults and no URL.
func (c Config) Subgraph(name string) Subgraph {
	for _, list := range [][]Subgraph{c.Gateway.Subgraphs, c.Subgraphs} {
		for _, s := range list {
			if s.Name == name {
				return s
			}
		}
	}
	return Subgraph{Name: name, Timeout: defaultSubgraphTimeout}
}

// Effective returns the configuration as YAML, secrets hidden.
func (c Config) Effective() (string, error) {
	text, err := yaml.MarshalWithOptions(c, yaml.IndentSequence(true))
	return string(text), err
}

//go:embed callboard.example.yaml
var example string

// Example returns a configuration file with every key, explained.
func Example() string { return example }
