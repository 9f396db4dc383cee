package clients

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestDoors(t *testing.T) {
	configured := doors{private: true}
	named := doors{}
	tests := doors{allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("169.254.169.254/32")}}
	for _, c := range []struct {
		address                  string
		configured, named, tests bool
	}{
		{"140.82.121.6", true, true, true},
		{"2606:50c0:8000::153", true, true, true},
		{"8.8.8.8", true, true, true},
		// Where GitHub Enterprise lives.
		{"10.1.2.3", true, false, false},
		{"172.16.0.1", true, false, false},
		{"172.32.0.1", true, true, true},
		{"192.168.1.1", true, false, false},
		{"100.64.0.1", true, false, false},
		{"fd12:3456::1", true, false, false},
		{"::ffff:10.1.2.3", true, false, false},
		// This machine.
		{"127.0.0.1", false, false, true},
		{"127.8.9.10", false, false, true},
		{"::1", false, false, false},
		{"::ffff:127.0.0.1", false, false, true},
		{"::127.0.0.1", false, false, true},
		{"0.0.0.0", false, false, false},
		{"0.1.2.3", false, false, false},
		{"::", false, false, false},
		// Metadata of clouds.
		{"169.254.169.254", false, false, true},
		{"169.254.170.2", false, false, false},
		{"::ffff:169.254.169.254", false, false, true},
		{"::ffff:a9fe:a9fe", false, false, true},
		{"fd00:ec2::254", false, false, false},
		{"fd00:ec2::23", false, false, false},
		{"fd20:ce::254", false, false, false},
		{"fd00:42::42", false, false, false},
		{"100.100.100.200", false, false, false},
		{"192.0.0.192", false, false, false},
		{"168.63.129.16", false, false, false},
		// IPv6 that carries IPv4.
		{"64:ff9b::169.254.169.254", false, false, true},
		{"64:ff9b::10.0.0.1", true, false, false},
		{"64:ff9b::8.8.8.8", true, true, true},
		{"64:ff9b:1::169.254.169.254", false, false, true},
		{"2002:a9fe:a9fe::1", false, false, true},
		{"2002:7f00:1::", false, false, true},
		{"2002:808:808::1", true, true, true},
		{"2001:0:4136:e378:8000:63bf:5601:5601", false, false, true}, // Teredo of 169.254.169.254
		{"::ffff:0:169.254.169.254", false, false, true},
		{"2001:db8::1", false, false, false},
		// Local, and to many.
		{"fe80::1", false, false, false},
		{"fe80::1%eth0", false, false, false},
		{"fec0::1", false, false, false},
		{"ff02::1", false, false, false},
		{"224.0.0.1", false, false, false},
		{"239.255.255.250", false, false, false},
		{"255.255.255.255", false, false, false},
		{"240.0.0.1", false, false, false},
	} {
		address := netip.MustParseAddr(c.address)
		for _, d := range []struct {
			name  string
			doors doors
			open  bool
		}{{"configured", configured, c.configured}, {"named by an upstream", named, c.named}, {"allowed", tests, c.tests}} {
			if err := d.doors.check(address); (err == nil) != d.open {
				t.Errorf("%s, %s: %v", c.address, d.name, err)
			}
			err := d.doors.control("tcp", netip.AddrPortFrom(address, 443).String(), nil)
			if (err == nil) != d.open {
				t.Errorf("%s, %s, as the dialer asks: %v", c.address, d.name, err)
			}
		}
	}
	if configured.control("unix", "/var/run/docker.sock", nil) == nil || configured.control("tcp", "example:443", nil) == nil {
		t.Error("what is no address is connected to")
	}
}

func FuzzDoors(f *testing.F) {
	f.Add([]byte{127, 0, 0, 1})
	f.Add(netip.MustParseAddr("64:ff9b::7f00:1").AsSlice())
	f.Fuzz(func(t *testing.T, b []byte) {
		a, ok := netip.AddrFromSlice(b)
		if !ok {
			return
		}
		err := doors{private: true}.check(a)
		if err == nil && (a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified() || a.Unmap().IsLoopback() || a.Unmap().IsLinkLocalUnicast()) {
			t.Errorf("%s is open", a)
		}
		if private := (doors{}).check(a); private == nil && (err != nil || a.IsPrivate()) {
			t.Errorf("%s is open to upstreams", a)
		}
	})
}

// The address that counts is the one the name leads to as the connection is made.
func TestLoopbackIsRefused(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was reached") }))
	defer server.Close()
	for _, address := range []string{server.URL, strings.Replace(server.URL, "127.0.0.1", "localhost", 1)} {
		u, _ := url.Parse(address)
		s, err := Open(Settings{Name: "example", Address: u}, Shared{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.HTTP().Get(address)
		if e := wantError(t, err, ErrForbidden); !strings.Contains(e.Message, "loopback") {
			t.Errorf("got %v", e)
		}
		if status := s.Status(); status.LastError == nil || status.Healthy || status.Circuit != CircuitClosed {
			t.Errorf("the status is %+v", status)
		}
	}
}

func TestNoProxyFromTheEnvironment(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://proxy.example:1")
	t.Setenv("HTTP_PROXY", "http://proxy.example:1")
	u, _ := url.Parse("https://api.example")
	set, _ := Settings{Name: "x", Address: u}.checked()
	if network(&set, doors{}).Proxy != nil {
		t.Error("the environment decides")
	}
	set.Proxy, _ = url.Parse("http://configured.example:1")
	if got, _ := network(&set, doors{}).Proxy(get(t.Context())); got.Host != "configured.example:1" {
		t.Errorf("the proxy is %v", got)
	}
}

func TestNetworkIsBounded(t *testing.T) {
	u, _ := url.Parse("https://api.example")
	set, _ := Settings{Name: "x", Address: u, TLS: &tls.Config{MinVersion: tls.VersionTLS10}}.checked()
	n := network(&set, doors{})
	if n.TLSHandshakeTimeout <= 0 || n.ResponseHeaderTimeout <= 0 || n.IdleConnTimeout <= 0 || n.MaxConnsPerHost <= 0 || n.MaxResponseHeaderBytes <= 0 || n.TLSClientConfig.MinVersion < tls.VersionTLS12 {
		t.Errorf("%+v", n)
	}
}

// pipe is a listener in memory, for servers in a bubble.
type pipe struct {
	connections chan net.Conn
	closed      chan struct{}
	once        sync.Once
}

func newPipe() *pipe {
	return &pipe{connections: make(chan net.Conn), closed: make(chan struct{})}
}

func (p *pipe) Accept() (net.Conn, error) {
	select {
	case c := <-p.connections:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipe) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipe) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (p *pipe) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.connections <- there:
		return here, nil
	case <-p.closed:
		return nil, syscall.ECONNREFUSED
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// inBubble runs the test in a bubble with a source whose server is reached in memory.
func inBubble(t *testing.T, set Settings, shared Shared, handler http.HandlerFunc, test func(t *testing.T, s *Source)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := newPipe()
		server := &http.Server{Handler: handler}
		go server.Serve(p)
		set.Name, set.Dial = "example", p.dial
		set.Address, _ = url.Parse("http://api.example")
		s, err := Open(set, shared)
		if err != nil {
			t.Fatal(err)
		}
		test(t, s)
		s.Close()
		server.Close()
		synctest.Wait()
	})
}

func ask(ctx context.Context, s *Source, method, path string) (string, error) {
	r := request(ctx, method, "http://api.example"+path)
	resp, err := s.HTTP().Do(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return string(text), err
}

func TestSlowAnswers(t *testing.T) {
	handler := func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/never":
			<-r.Context().Done()
		case "/drops":
			for range 3600 {
				if _, err := io.WriteString(w, "."); err != nil {
					return
				}
				w.(http.Flusher).Flush()
				if wait(r.Context(), time.Second) != nil {
					return
				}
			}
		}
	}
	inBubble(t, Settings{}, Shared{}, handler, func(t *testing.T, s *Source) {
		for _, c := range []struct {
			path     string
			streamed bool
			deadline time.Duration
			took     time.Duration
		}{
			{"/never", false, time.Hour, DefaultAttemptTimeout},
			{"/never", false, 5 * time.Second, 5 * time.Second},
			{"/never", false, 10 * time.Millisecond, 10 * time.Millisecond},
			{"/drops", false, time.Hour, DefaultAttemptTimeout},
			{"/drops", true, time.Hour, streamPatience * DefaultTimeout},
			{"/drops", true, time.Minute, time.Minute},
		} {
			ctx, cancel := context.WithTimeout(t.Context(), c.deadline)
			if c.streamed {
				ctx = WithStream(ctx)
			}
			started := time.Now()
			_, err := ask(ctx, s, "POST", c.path) // not coalesced and not repeated
			if took := time.Since(started); took != c.took {
				t.Errorf("%+v took %v", c, took)
			}
			if e := wantError(t, err, ErrTimeout); !errors.Is(e, context.DeadlineExceeded) || CodeOf(err) != "TIMEOUT" {
				t.Errorf("%+v: %v", c, e)
			}
			cancel()
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err := ask(ctx, s, "GET", "/never"); !errors.Is(err, context.Canceled) || CodeOf(err) != "" {
			t.Errorf("a caller that left got %v", err)
		}
	})
}

// An upstream that hangs is found out even if all callers leave before an attempt is given up, and one whose callers are in a hurry is not.
func TestCircuitAndDeadlines(t *testing.T) {
	hangs := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	for _, c := range []struct {
		deadline time.Duration
		want     Circuit
	}{{3 * time.Second, CircuitOpen}, {100 * time.Millisecond, CircuitClosed}} {
		inBubble(t, Settings{}, Shared{}, hangs, func(t *testing.T, s *Source) {
			for range circuitRow {
				ctx, cancel := context.WithTimeout(t.Context(), c.deadline)
				ask(ctx, s, "POST", "/")
				cancel()
			}
			if got := s.Status().Circuit; got != c.want {
				t.Errorf("after callers of %v it is %s", c.deadline, got)
			}
		})
	}
}
