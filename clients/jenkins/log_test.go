package jenkins_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/jenkins"
	"callboard.dev/callboard/clients/jenkins/jenkinstest/stage"
)

// TestFollow follows the log of a build from its beginning to its end and checks that every line came once.
func TestFollow(t *testing.T) {
	s := stage.Set(t, settings)
	c := on(t, s, stage.Ada, stage.AdaToken)
	ok[int64](t)(c.Start(t.Context(), jenkins.StartQuery{Job: stage.Main}))
	s.Pass(5 * time.Second)
	var text strings.Builder
	polls, start := 0, int64(0)
	for {
		log := ok[*jenkins.Log](t)(c.Log(t.Context(), jenkins.LogQuery{Build: id(stage.Main, 4), Start: start}))
		if log.Start != start || log.Next < start || log.More != log.Runs {
			t.Fatalf("from %d: %+v", start, log)
		}
		text.WriteString(log.Text)
		start = log.Next
		if !log.More {
			break
		}
		polls++
		s.Pass(7 * time.Second)
	}
	whole := ok[*jenkins.Log](t)(c.Log(t.Context(), jenkins.LogQuery{Build: id(stage.Main, 4)}))
	if text.String() != whole.Text || polls < 10 {
		t.Errorf("in %d polls\n%q, at once\n%q", polls, text.String(), whole.Text)
	}
	if strings.ContainsAny(whole.Text, "\r\x1b") || !strings.HasSuffix(whole.Text, "naïve café ✓\n[Pipeline] archive\n[Pipeline] }\n[Pipeline] End of Pipeline\nFinished: SUCCESS\n") || whole.Size <= int64(len(whole.Text)) {
		t.Errorf("%+v", whole)
	}
}

// TestWindows reads a log in windows of every size and checks that nothing of it is lost.
func TestWindows(t *testing.T) {
	s := stage.Set(t, settings)
	c := on(t, s, stage.Max, stage.MaxToken)
	whole := ok[*jenkins.Log](t)(c.Log(t.Context(), jenkins.LogQuery{Build: id(stage.Main, 3)}))
	for _, most := range []int{1 << 20, 4096, 200, 64, 7, 4} {
		seen, start := "", int64(0)
		for range 2000 {
			log := ok[*jenkins.Log](t)(c.Log(t.Context(), jenkins.LogQuery{Build: id(stage.Main, 3), Start: start, Most: most}))
			if len(log.Text) > most && most >= 4 || !utf8.ValidString(log.Text) {
				t.Fatalf("%d bytes of %d: %q", len(log.Text), most, log.Text)
			}
			seen += log.Text
			if !log.More {
				break
			}
			if log.Next <= start {
				t.Fatalf("windows of %d stand still at %d: %+v", most, start, log)
			}
			start = log.Next
		}
		// What comes again or is a hidden note in the middle does not matter here: every line is there.
		for line := range strings.Lines(whole.Text) {
			if most >= 64 && !strings.Contains(seen, strings.TrimSuffix(line, "\n")) {
				t.Errorf("windows of %d lose %q", most, line)
			}
		}
		if most == 1<<20 && seen != whole.Text {
			t.Errorf("at once: %q", seen)
		}
	}
}

// TestNotes checks that the rest of a note which Jenkins hides is not shown where a window begins in it.
func TestNotes(t *testing.T) {
	s := stage.Set(t, settings)
	c := on(t, s, stage.Max, stage.MaxToken)
	for start := range int64(18) {
		log := ok[*jenkins.Log](t)(c.Log(t.Context(), jenkins.LogQuery{Build: id(stage.Main, 3), Start: start}))
		if !strings.HasPrefix(log.Text, "Push event to branch main\n") {
			t.Errorf("from %d: %.60q", start, log.Text)
		}
	}
}

func TestTail(t *testing.T) {
	s := stage.Set(t, settings)
	count := &counting{next: s}
	c := on(t, count, stage.Max, stage.MaxToken)
	tail := ok[*jenkins.Log](t)(c.LogTail(t.Context(), id(stage.Lint, 1), 200))
	if n := count.n.Swap(0); n != 2 || len(tail.Text) > 200 || !strings.HasPrefix(tail.Text, "a line of forty bytes") || !strings.HasSuffix(tail.Text, "Finished: SUCCESS\n") || tail.Next != tail.Size || tail.More {
		t.Errorf("%d requests, %+v", n, tail)
	}
	if tail = ok[*jenkins.Log](t)(c.LogTail(t.Context(), id(stage.Main, 3), 1<<20)); count.n.Load() != 1 || tail.Start != 0 {
		t.Errorf("of a short log %d requests, %+v", count.n.Load(), tail)
	}
	// A log that has become shorter begins anew.
	if log := ok[*jenkins.Log](t)(c.Log(t.Context(), jenkins.LogQuery{Build: id(stage.Main, 3), Start: 1 << 40})); log.Start != 0 || log.More {
		t.Errorf("%+v", log)
	}
}

// endless is a log without end, of which Jenkins says that it is a gigabyte.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	if e.read += len(p); e.read > 64<<20 {
		return 0, errors.New("nobody reads this much")
	}
	for i := range p {
		p[i] = "\x00\x1b[31m\xff\xfe✓\r\n"[i%12]
	}
	return len(p), nil
}

// TestHugeLog checks that no more of a log is read than is returned, whatever is in it.
func TestHugeLog(t *testing.T) {
	body := &endless{}
	transport := roundTrip(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Header: http.Header{"X-Text-Size": {"1073741824"}, "X-More-Data": {"true"}}, Body: io.NopCloser(body), Request: r}, nil
	})
	c := at(t, &http.Client{Transport: transport}, address)
	log := ok[*jenkins.Log](t)(c.Log(t.Context(), jenkins.LogQuery{Build: id("a", 1), Most: 1000}))
	if len(log.Text) > 3000 || !utf8.ValidString(log.Text) || log.Next > 1000 || !log.More || body.read > 64<<10 {
		t.Errorf("%d bytes, %d read, next %d", len(log.Text), body.read, log.Next)
	}
	for _, size := range []string{"", "x", "-1", "99999999999999999999"} {
		transport := roundTrip(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Header: http.Header{"X-Text-Size": {size}}, Body: io.NopCloser(strings.NewReader("x")), Request: r}, nil
		})
		if _, err := at(t, &http.Client{Transport: transport}, address).Log(t.Context(), jenkins.LogQuery{Build: id("a", 1)}); !errors.Is(err, clients.ErrBadAnswer) {
			t.Errorf("size %q: %v", size, err)
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// FuzzLog feeds logs in windows: what is returned is valid, within bounds, and goes on.
func FuzzLog(f *testing.F) {
	f.Add("line\r\nnaïve ✓\r\n", "15", 4, int64(0))
	f.Add("\xff\xfe\xc3", "3", 2, int64(1))
	f.Add("", "0", 1, int64(9))
	f.Add("✓✓✓", "-5", 1, int64(1))
	f.Fuzz(func(t *testing.T, text, size string, most int, start int64) {
		transport := roundTrip(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Header: http.Header{"X-Text-Size": {size}}, Body: io.NopCloser(strings.NewReader(text)), Request: r}, nil
		})
		c := at(t, &http.Client{Transport: transport}, address)
		log, err := c.Log(t.Context(), jenkins.LogQuery{Build: id("a", 1), Most: most, Start: start})
		if err != nil {
			if clients.Of(err) == nil && !errors.Is(err, jenkins.ErrInvalid) {
				t.Fatal(err)
			}
			return
		}
		if !utf8.ValidString(log.Text) || most > 0 && len(log.Text) > 3*most || log.Next < 0 {
			t.Fatalf("%+v", log)
		}
	})
}
