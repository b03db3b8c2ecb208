package engine

import "sync"

// holdings limit what all incomplete messages and unsent responses hold together. A
// limit for each connection does not limit thousands of them.
type holdings struct {
	limit int64

	mu    sync.Mutex
	total int64
	list  list[*holding] // in the order in which they began
}

// holding is what one connection holds.
type holding struct {
	holder holder
	bytes  int64
	place  element[*holding]
}

// holder is a connection that can be made to give up what it holds.
type holder interface {
	// giveUp asks the connection to refuse its message. It must not block,
	// because it is called with the holdings locked.
	giveUp()
}

// set notes that h, which belongs to of, now holds the given number of bytes. It
// reports whether all together hold too much.
func (hs *holdings) set(h *holding, of holder, bytes int64) (over bool) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	hs.total += bytes - h.bytes
	switch {
	case h.bytes == 0 && bytes > 0:
		h.holder, h.place.of = of, h
		hs.list.append(&h.place)
	case h.bytes > 0 && bytes == 0:
		h.place.remove()
	}
	h.bytes = bytes
	return hs.total > hs.limit
}

// relieve asks the oldest holders to give up until the others are within the
// limit.
func (hs *holdings) relieve() {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	for hs.total > hs.limit && hs.list.first != nil {
		hs.askOldest()
	}
}

// relieveOne asks the oldest holder to give up, if there is one.
func (hs *holdings) relieveOne() bool {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	if hs.list.first == nil {
		return false
	}
	hs.askOldest()
	return true
}

// askOldest counts what the oldest holds as given up. The caller holds mu.
func (hs *holdings) askOldest() {
	h := hs.list.first.of
	h.place.remove()
	hs.total -= h.bytes
	h.bytes = 0
	h.holder.giveUp()
}

// held returns the number of bytes that are held now.
func (hs *holdings) held() int64 {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	return hs.total
}
