//go:build unix

package http1_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"callboard.dev/callboard/gateway/execute/http1"
)

// upstreamVariable makes the test's binary the upstream of the benchmarks, so that its work is not counted as the client's.
const upstreamVariable = "HTTP1_TEST_UPSTREAM"

func TestMain(m *testing.M) {
	if os.Getenv(upstreamVariable) != "" {
		serveBenchmarks()
		return
	}
	os.Exit(m.Run())
}

// serveBenchmarks answers /N with N bytes and /chunked/N with N bytes in one chunk, until its standard input ends.
func serveBenchmarks() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return
	}
	fmt.Println(l.Addr())
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			r := bufio.NewReaderSize(c, 16<<10)
			var answer []byte
			var last string
			for {
				line, err := r.ReadString('\n')
				if err != nil {
					return
				}
				if line != last {
					last = line
					target := strings.Fields(line)[1]
					size, _ := strconv.Atoi(target[strings.LastIndexByte(target, '/')+1:])
					body := strings.Repeat("x", size)
					if strings.HasPrefix(target, "/chunked/") {
						answer = []byte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: Thu, 26 Nov 2026 17:00:00 GMT\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(body, size))
					} else {
						answer = []byte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: Thu, 26 Nov 2026 17:00:00 GMT\r\nContent-Length: " + strconv.Itoa(size) + "\r\n\r\n" + body)
					}
				}
				length := 0
				for {
					field, err := r.ReadSlice('\n')
					if err != nil {
						return
					}
					if len(field) == 2 {
						break
					}
					if value, ok := bytes.CutPrefix(field, []byte("Content-Length:")); ok {
						length, _ = strconv.Atoi(string(bytes.TrimSpace(value)))
					}
				}
				if _, err := r.Discard(length); err != nil {
					return
				}
				if _, err := c.Write(answer); err != nil {
					return
				}
			}
		}()
	}
}

// otherProcess starts the upstream of a benchmark.
func otherProcess(b *testing.B) string {
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), upstreamVariable+"=1")
	in, err := command.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := command.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		in.Close()
		command.Wait()
	})
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return strings.TrimSpace(address)
}

// processorTime is what this process has used, user and system.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

var benchmarkBody = []byte(`{"query":"` + strings.Repeat("query($representations:[_Any!]!){_entities}", 8) + `"}`)

const benchmarkTimeout = 20 * time.Second

func benchmarkURL(b *testing.B, address, path string) *url.URL {
	u, err := url.Parse("http://" + address + path)
	if err != nil {
		b.Fatal(err)
	}
	return u
}

var benchmarkFields = []http1.Field{
	{Name: "Content-Type", Value: "application/json"},
	{Name: "Accept", Value: "application/graphql-response+json, application/json;q=0.9"},
}

// call is one caller's state: what it may reuse.
type call struct {
	exchange    http1.Exchange
	text, reply []byte
}

func (k *call) start(c *http1.Client, head *http1.Head) {
	k.text = head.Append(k.text[:0])
	k.text, _ = http1.AppendField(k.text, "X-Request-Id", "4711")
	var body int
	k.text, body = http1.OpenBody(k.text)
	k.text = append(k.text, benchmarkBody...)
	k.text = http1.CloseBody(k.text, body)
	k.exchange.Start(c, http1.Request{Text: k.text, Deadline: time.Now().Add(benchmarkTimeout), Repeatable: true})
}

func (k *call) finish() (int, error) {
	var err error
	k.reply, err = k.exchange.Finish(k.reply[:0])
	return len(k.reply), err
}

// measure runs one call after another in each of some goroutines and reports the processor time per call of this process.
func measure(b *testing.B, parallel, calls int, caller func() func() (int, error)) {
	b.ReportAllocs()
	b.SetParallelism(parallel)
	before := processorTime()
	b.RunParallel(func(p *testing.PB) {
		ask := caller()
		for p.Next() {
			if _, err := ask(); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(processorTime()-before)/float64(b.N*calls), "cpu-ns/call")
}

// BenchmarkCall compares one call through this package with the same through net/http, by 1 and by 25 callers for each processor.
func BenchmarkCall(b *testing.B) {
	address := otherProcess(b)
	for _, path := range []string{"/500", "/80000", "/chunked/80000"} {
		for _, parallel := range []int{1, 25} {
			b.Run(fmt.Sprintf("http1%s/%d", path, parallel), func(b *testing.B) {
				u := benchmarkURL(b, address, path)
				c := http1.New(http1.Address(u), http1.Settings{})
				defer c.Close()
				head, err := http1.NewHead(u, benchmarkFields...)
				if err != nil {
					b.Fatal(err)
				}
				measure(b, parallel, 1, func() func() (int, error) {
					k := new(call)
					return func() (int, error) {
						k.start(c, head)
						return k.finish()
					}
				})
			})
			b.Run(fmt.Sprintf("net-http%s/%d", path, parallel), func(b *testing.B) {
				transport := http.DefaultTransport.(*http.Transport).Clone()
				transport.MaxIdleConnsPerHost = 256
				defer transport.CloseIdleConnections()
				client := &http.Client{Transport: transport}
				address := "http://" + address + path
				measure(b, parallel, 1, func() func() (int, error) {
					var reply bytes.Buffer
					return func() (int, error) { return netHTTP(client, address, &reply) }
				})
			})
		}
	}
}

func netHTTP(client *http.Client, address string, reply *bytes.Buffer) (int, error) {
	ctx, cancel := context.WithTimeout(context.Background(), benchmarkTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(benchmarkBody))
	if err != nil {
		return 0, err
	}
	for _, f := range benchmarkFields {
		request.Header.Set(f.Name, f.Value)
	}
	request.Header.Set("X-Request-Id", "4711")
	response, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	reply.Reset()
	_, err = reply.ReadFrom(io.LimitReader(response.Body, 32<<20))
	return reply.Len(), err
}

// BenchmarkScatter sends four requests and then gathers the answers, waiting up to 5 ms for each before it would hand it over; of net/http each
// runs on a goroutine.
func BenchmarkScatter(b *testing.B) {
	const width = 4
	address := otherProcess(b)
	b.Run("http1", func(b *testing.B) {
		u := benchmarkURL(b, address, "/500")
		c := http1.New(http1.Address(u), http1.Settings{})
		defer c.Close()
		head, err := http1.NewHead(u, benchmarkFields...)
		if err != nil {
			b.Fatal(err)
		}
		measure(b, 12, width, func() func() (int, error) {
			k := new([width]call)
			return func() (n int, err error) {
				for i := range k {
					k[i].start(c, head)
				}
				until := time.Now().Add(5 * time.Millisecond)
				for i := range k {
					if _, err := k[i].exchange.Arrived(until); err != nil {
						return 0, err
					}
					if n, err = k[i].finish(); err != nil {
						return 0, err
					}
				}
				return n, nil
			}
		})
	})
	b.Run("net-http", func(b *testing.B) {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.MaxIdleConnsPerHost = 256
		defer transport.CloseIdleConnections()
		client := &http.Client{Transport: transport}
		measure(b, 12, width, func() func() (int, error) {
			var replies [width]bytes.Buffer
			return func() (int, error) {
				done := make(chan error, width)
				for i := range replies {
					go func() {
						_, err := netHTTP(client, "http://"+address+"/500", &replies[i])
						done <- err
					}()
				}
				var failed error
				for range replies {
					if err := <-done; err != nil {
						failed = err
					}
				}
				return 0, failed
			}
		})
	})
}
