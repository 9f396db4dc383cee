package server

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// The media types of GraphQL. A client that takes the first one can trust a status other than 200 to be ours; with the second it cannot, so
// there a request error has status 200 too.
const (
	mediaGraphQL = "application/graphql-response+json"
	mediaJSON    = "application/json"
)

// negotiate returns the media type to answer in: the one the client likes best of those GraphQL is served in. Of equals it is the one listed
// first, and mediaGraphQL where it is all the same. The second result is false where the client takes neither.
func negotiate(header http.Header) (string, bool) {
	ranges := header["Accept"]
	if len(ranges) == 0 {
		return mediaGraphQL, true
	}
	if len(ranges) == 1 {
		switch ranges[0] { // most clients
		case mediaJSON:
			return mediaJSON, true
		case mediaGraphQL, "*/*":
			return mediaGraphQL, true
		}
	}
	// For each of the two, the most specific range that covers it counts, whatever its quality: "application/json;q=0, */*" is not JSON.
	best := [2]preference{{specific: -1}, {specific: -1}}
	position := 0
	for _, list := range ranges {
		for part := range strings.SplitSeq(list, ",") {
			if strings.TrimSpace(part) == "" {
				continue
			}
			position++
			name, quality, ok := mediaRange(part)
			if !ok {
				continue
			}
			for i, media := range [2]string{mediaGraphQL, mediaJSON} {
				specific := -1
				switch name {
				case media:
					specific = 2
				case "application/*":
					specific = 1
				case "*/*":
					specific = 0
				}
				if specific > best[i].specific {
					best[i] = preference{specific, quality, position}
				}
			}
		}
	}
	if position == 0 { // an empty header says no more than none
		return mediaGraphQL, true
	}
	graphql, plain := best[0], best[1]
	switch {
	case graphql.quality <= 0 && plain.quality <= 0:
		return mediaJSON, false
	case plain.quality > graphql.quality, plain.quality == graphql.quality && plain.position < graphql.position:
		return mediaJSON, true
	}
	return mediaGraphQL, true
}

// preference is how much a client likes a media type.
type preference struct {
	specific int // 2 named, 1 application/*, 0 */*, -1 not covered
	quality  float64
	position int // in the header, from 1
}

// mediaRange reads one part of an Accept header. It is false for what cannot be read and for a charset that is not UTF-8.
func mediaRange(part string) (name string, quality float64, ok bool) {
	name, params, err := mime.ParseMediaType(part)
	if err != nil {
		return "", 0, false
	}
	if charset, given := params["charset"]; given && !isUTF8(charset) {
		return "", 0, false
	}
	quality = 1
	if q, given := params["q"]; given {
		if quality, err = strconv.ParseFloat(q, 64); err != nil || !(quality >= 0 && quality <= 1) {
			return "", 0, false
		}
	}
	return name, quality, true
}

func isUTF8(charset string) bool {
	return strings.EqualFold(charset, "utf-8") || strings.EqualFold(charset, "utf8")
}

// declaresJSON tells whether the Content-Type header says JSON in UTF-8, once. A header that is given twice, or that carries a second type
// in its parameters, is read in one way here and in another elsewhere, so it is refused.
func declaresJSON(header http.Header) bool {
	values := header["Content-Type"]
	if len(values) != 1 {
		return false
	}
	if values[0] == mediaJSON { // most clients
		return true
	}
	name, params, err := mime.ParseMediaType(values[0])
	if err != nil || name != mediaJSON {
		return false
	}
	charset, given := params["charset"]
	return !given || isUTF8(charset)
}
