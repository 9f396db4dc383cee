// Package queue holds songs that wait to be played.
package queue

import "errors"

// ErrEmpty says that nothing waits.
var ErrEmpty = errors.New("queue: empty")

// Queue is a list of songs in the order they are played. The zero value is empty.
type Queue struct{ songs []string }

// Add puts a song at the end, or in front where it is urgent.
func (q *Queue) Add(song string, urgent bool) {
	if urgent {
		q.songs = append([]string{song}, q.songs...)
		return
	}
	q.songs = append(q.songs, song)
}

// Next takes the first song.
func (q *Queue) Next() (string, error) {
	if len(q.songs) == 0 {
		return "", ErrEmpty
	}
	song := q.songs[0]
	q.songs = q.songs[1:]
	return song, nil
}
