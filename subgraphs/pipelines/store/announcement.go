package store

import (
	"crypto/rand"
	"fmt"
	"time"
)

// Announcement is what was posted on a pull request, to be changed there when there is more to say.
type Announcement struct {
	Name      string    // the pull request, with its host
	Reference string    // the id of the comment
	Digest    string    // of what was posted
	At        time.Time // when it was posted; zero where nothing was, and now where that is saved
	Lease     string    // which lease it is, as Announce returns it to who holds it
}

// Leased checks that a lease can be taken, and returns what tells it from others.
func Leased(name string, lease time.Duration) (string, error) {
	if err := checkName("the announcement's name", name, true); err != nil {
		return "", err
	}
	if lease <= 0 {
		return "", fmt.Errorf("%w: a lease of %s", ErrInvalid, lease)
	}
	return rand.Text(), nil
}

// Posted returns the announcement as it is remembered, or an error, ErrInvalid or ErrTooLarge, where no store can keep it.
func (a Announcement) Posted() (Announcement, error) {
	for _, err := range []error{
		checkName("the announcement's name", a.Name, true), checkName("the reference", a.Reference, false), checkName("the digest", a.Digest, false),
		checkName("the lease", a.Lease, true),
	} {
		if err != nil {
			return a, err
		}
	}
	if a.At.IsZero() && !a.Nothing() {
		a.At = time.Now()
	}
	if !a.At.IsZero() {
		if err := checkTime("the time of the announcement", a.At); err != nil {
			return a, err
		}
	}
	return a, nil
}

// Nothing tells that nothing was posted.
func (a Announcement) Nothing() bool { return a.Reference == "" && a.Digest == "" }
