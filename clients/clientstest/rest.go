package clientstest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// JSON encodes a value as REST interfaces send it. What it is given comes from the simulator, so that it cannot fail is a rule.
func JSON(value any) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic("clientstest: bug: encoding an answer: " + err.Error())
	}
	return bytes.TrimSpace(b.Bytes())
}

// ETag returns a weak validator for an answer's body and whatever else it depends on.
func ETag(body []byte, also ...string) string {
	hash := sha256.New()
	hash.Write(body)
	for _, text := range also {
		hash.Write([]byte{0})
		hash.Write([]byte(text))
	}
	return `W/"` + hex.EncodeToString(hash.Sum(nil)) + `"`
}

// NotModified reports whether the request says that it has the answer with this ETag, by the weak comparison of RFC 9110 §8.8.3.2.
func NotModified(r *http.Request, etag string) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	strong := strings.TrimPrefix(etag, "W/")
	for _, line := range r.Header.Values("If-None-Match") {
		for candidate := range strings.SplitSeq(line, ",") {
			candidate = strings.TrimPrefix(strings.TrimSpace(candidate), "W/")
			if candidate == "*" || candidate == strong {
				return true
			}
		}
	}
	return false
}

// Paging is a page of a list as REST asks for it: page counts from 1.
type Paging struct {
	Page, PerPage int
}

// PagingOf reads page and per_page. What is no number, or too small, is as if it were not there; too large pages are cut to most.
func PagingOf(query url.Values, usual, most int) Paging {
	p := Paging{Page: 1, PerPage: usual}
	if n, err := strconv.Atoi(query.Get("page")); err == nil && n > 0 {
		p.Page = n
	}
	if n, err := strconv.Atoi(query.Get("per_page")); err == nil && n > 0 {
		p.PerPage = min(n, most)
	}
	return p
}

// Bounds returns where the page begins and ends in a list of total elements.
func (p Paging) Bounds(total int) (from, to int) {
	if p.Page-1 > total/p.PerPage {
		return total, total
	}
	from = min((p.Page-1)*p.PerPage, total)
	return from, min(from+p.PerPage, total)
}

// Links returns the Link header (RFC 8288) of the page in a list of total elements at address, "" where one page holds all: prev and
// first where there is a page before, next and last where there is one after.
func (p Paging) Links(address url.URL, total int) string {
	last := max(1, (total+p.PerPage-1)/p.PerPage)
	var links []string
	add := func(page int, relation string) {
		query := address.Query()
		query.Set("page", strconv.Itoa(page))
		address.RawQuery = query.Encode()
		links = append(links, "<"+address.String()+`>; rel="`+relation+`"`)
	}
	if p.Page > 1 {
		add(min(p.Page-1, last), "prev")
	}
	if p.Page < last {
		add(p.Page+1, "next")
		add(last, "last")
	}
	if p.Page > 1 {
		add(1, "first")
	}
	return strings.Join(links, ", ")
}
