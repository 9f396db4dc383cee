//go:build servers

package board_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// browser is one page of a real browser without a window, driven by the DevTools protocol over pipes.
type browser struct {
	t       *testing.T
	in      *os.File
	session string

	mu         sync.Mutex
	next       int
	waiting    map[int]chan message
	complaints []string
}

type message struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *struct{ Message string }
}

// patience is how long is waited for anything: long, for machines that do much else.
const patience = 60 * time.Second

// open starts a browser, which ends with the test.
func open(t *testing.T) *browser {
	t.Helper()
	program := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			program = found
			break
		}
	}
	if program == "" {
		t.Fatal("no Chromium is installed: it is the Debian package chromium")
	}
	// A browser's own processes outlive it for a moment and write on, so that the folder is not one that has to be empty at the end.
	profile, err := os.MkdirTemp("", "callboard-browser-")
	if err != nil {
		t.Fatal(err)
	}
	theirIn, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, theirOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--user-data-dir="+profile, "--remote-debugging-pipe", "about:blank")
	command.ExtraFiles = []*os.File{theirIn, theirOut}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	theirIn.Close()
	theirOut.Close()
	b := &browser{t: t, in: in, waiting: map[int]chan message{}}
	read := make(chan struct{})
	go func() {
		defer close(read)
		b.read(bufio.NewReaderSize(out, 1<<20))
	}()
	t.Cleanup(func() {
		b.send("Browser.close", nil)
		done := time.AfterFunc(10*time.Second, func() { _ = command.Process.Kill() })
		_ = command.Wait()
		done.Stop()
		in.Close()
		<-read
		out.Close()
		for range 20 {
			if os.RemoveAll(profile) == nil {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
	})
	var targets struct {
		TargetInfos []struct{ TargetID, Type string }
	}
	b.get("Target.getTargets", nil, &targets)
	for _, target := range targets.TargetInfos {
		if target.Type == "page" {
			var attached struct{ SessionID string }
			b.get("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
			b.session = attached.SessionID
		}
	}
	for _, domain := range []string{"Page", "Runtime", "Log"} {
		b.get(domain+".enable", nil, nil)
	}
	return b
}

func (b *browser) read(r *bufio.Reader) {
	for {
		text, err := r.ReadBytes(0)
		if err != nil {
			return
		}
		var m message
		if json.Unmarshal(text[:len(text)-1], &m) != nil {
			continue
		}
		b.mu.Lock()
		if answer := b.waiting[m.ID]; m.ID > 0 && answer != nil {
			delete(b.waiting, m.ID)
			answer <- m
		}
		var event struct {
			ExceptionDetails struct {
				Text      string
				Exception struct{ Description string }
			}
			Entry struct{ Level, Text, URL string }
		}
		switch _ = json.Unmarshal(m.Params, &event); m.Method {
		case "Runtime.exceptionThrown":
			b.complaints = append(b.complaints, event.ExceptionDetails.Text+" "+event.ExceptionDetails.Exception.Description)
		case "Log.entryAdded":
			failed := strings.HasSuffix(event.Entry.URL, "/graphql") // which the page itself says
			if !failed && (event.Entry.Level == "error" || event.Entry.Level == "warning") {
				b.complaints = append(b.complaints, event.Entry.Text+" "+event.Entry.URL)
			}
		}
		b.mu.Unlock()
	}
}

func (b *browser) send(method string, params any) chan message {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.next++
	answer := make(chan message, 1)
	b.waiting[b.next] = answer
	request := map[string]any{"id": b.next, "method": method, "params": params}
	if params == nil {
		request["params"] = struct{}{}
	}
	if b.session != "" && !strings.HasPrefix(method, "Browser.") {
		request["sessionId"] = b.session
	}
	text, _ := json.Marshal(request)
	_, _ = b.in.Write(append(text, 0))
	return answer
}

// get sends a command and reads its result.
func (b *browser) get(method string, params, into any) {
	b.t.Helper()
	select {
	case m := <-b.send(method, params):
		if m.Error != nil {
			b.t.Fatalf("%s: %s", method, m.Error.Message)
		}
		if into != nil {
			if err := json.Unmarshal(m.Result, into); err != nil {
				b.t.Fatalf("%s: %v", method, err)
			}
		}
	case <-time.After(patience):
		b.t.Fatalf("%s: the browser does not answer", method)
	}
}

// evaluate returns the value of an expression in the page.
func (b *browser) evaluate(expression string) any {
	b.t.Helper()
	var out struct {
		Result           struct{ Value any }
		ExceptionDetails *struct{ Exception struct{ Description string } }
	}
	b.get("Runtime.evaluate", map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true}, &out)
	if out.ExceptionDetails != nil {
		b.t.Fatalf("%s: %s", expression, out.ExceptionDetails.Exception.Description)
	}
	return out.Result.Value
}

// until waits until an expression is true in the page.
func (b *browser) until(expression string) {
	b.t.Helper()
	for end := time.Now().Add(patience); b.evaluate(expression) != true; time.Sleep(30 * time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatalf("it is never so that %s. The page is\n%v", expression, b.evaluate("document.body.innerText"))
		}
	}
}

// shows waits until the page has a text.
func (b *browser) shows(text string) {
	b.t.Helper()
	quoted, _ := json.Marshal(text)
	b.until(fmt.Sprintf(`document.body.innerText.includes(%s)`, quoted))
}

func (b *browser) visit(url string) {
	b.t.Helper()
	b.get("Page.navigate", map[string]any{"url": url}, nil)
	b.until(`document.readyState === "complete" && location.href === ` + fmt.Sprintf("%q", url))
}

func (b *browser) press(key, code string, number int) {
	b.t.Helper()
	for _, kind := range []string{"rawKeyDown", "keyUp"} {
		b.get("Input.dispatchKeyEvent", map[string]any{"type": kind, "key": key, "code": code, "windowsVirtualKeyCode": number}, nil)
	}
}

func (b *browser) size(width, height int, dark bool) {
	b.t.Helper()
	b.get("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}, nil)
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	b.get("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
}

// picture saves the whole page in a folder; "" for nowhere.
func (b *browser) picture(folder, name string) {
	b.t.Helper()
	if folder == "" {
		return
	}
	var out struct{ Data string }
	b.get("Page.captureScreenshot", map[string]any{"captureBeyondViewport": true}, &out)
	image, err := base64.StdEncoding.DecodeString(out.Data)
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, name+".png"), image, 0o644)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// fits fails where the page is wider than the window.
func (b *browser) fits() {
	b.t.Helper()
	if b.evaluate(`document.scrollingElement.scrollWidth <= innerWidth`) != true {
		b.t.Errorf("the page is %v wide, and the window %v", b.evaluate(`document.scrollingElement.scrollWidth`), b.evaluate(`innerWidth`))
	}
}

// content fails where the page complained, or has something that cannot be reached or read.
func (b *browser) content() {
	b.t.Helper()
	if unnamed := b.evaluate(`[...document.querySelectorAll("button, a, progress, meter, input, [tabindex]")].filter((e) => e.checkVisibility() && !(e.innerText || e.ariaLabel || e.labels?.length)).map((e) => e.outerHTML).join()`); unnamed != "" {
		b.t.Errorf("they have no names: %v", unnamed)
	}
	if n := b.evaluate(`document.querySelectorAll("h1").length`); n != 1.0 {
		b.t.Errorf("there are %v headings of the first level", n)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, complaint := range b.complaints {
		b.t.Errorf("the page complained: %s", complaint)
	}
	b.complaints = nil
}
