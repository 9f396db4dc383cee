// Package radio plays what is in a queue.
package radio

import "larkfold.example/queue"

// Play returns how many songs were played.
func Play(q *queue.Queue) (played int) {
	for {
		if _, err := q.Next(); err != nil {
			return played
		}
		played++
	}
}
