package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	codes "modernc.org/sqlite/lib"
)

// keepAside renames a broken file, with what belongs to it. Of two processes that find it broken one does; the other finds, once
// it has the lock, that the file there now is not.
func (d *DB) keepAside(ctx context.Context) error {
	lock, err := os.OpenFile(d.file+".lock", os.O_CREATE|os.O_RDWR|syscall.O_NONBLOCK, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }() // which gives the lock back
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	db, err := d.open(ctx)
	if err == nil {
		return db.Close()
	}
	if !isBroken(err) {
		return err
	}
	for n := 1; ; n++ {
		aside := fmt.Sprintf("%s.broken-%d", d.file, n)
		if _, err := os.Lstat(aside); err == nil {
			continue
		}
		// The file goes last: without it, what is left beside it would be taken for a new one's.
		for _, ending := range []string{"-wal", "-shm", ""} {
			if err := os.Rename(d.file+ending, aside+ending); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		d.aside = aside
		return nil
	}
}

// isBroken tells a file that is no database, or whose pages are wrong, from one that cannot be opened now.
func isBroken(err error) bool {
	code := codeOf(err) & 0xff // without what is said more exactly
	return code == codes.SQLITE_NOTADB || code == codes.SQLITE_CORRUPT
}
