package server

import "sync"

// holdings limit what all incomplete requests hold together. A limit for each
// connection does not limit thousands of them.
type holdings struct {
	limit int64

	mu     sync.Mutex
	total  int64
	oldest *holding
	newest *holding
}

// holding is what one connection holds. Holdings are listed in the order in which
// they began.
type holding struct {
	holder    holder
	bytes     int64
	old, next *holding // those that began just before and just after
}

// holder is a connection that can be made to give up what it holds.
type holder interface {
	// giveUp asks the connection to refuse its request. It must not block,
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
		h.holder = of
		hs.append(h)
	case h.bytes > 0 && bytes == 0:
		hs.remove(h)
	}
	h.bytes = bytes
	return hs.total > hs.limit
}

// relieve asks the oldest holders to give up until the others are within the
// limit.
func (hs *holdings) relieve() {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	for hs.total > hs.limit && hs.oldest != nil {
		hs.askOldest()
	}
}

// relieveOne asks the oldest holder to give up, if there is one.
func (hs *holdings) relieveOne() bool {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	if hs.oldest == nil {
		return false
	}
	hs.askOldest()
	return true
}

// askOldest counts what the oldest holds as given up. The caller holds mu.
func (hs *holdings) askOldest() {
	h := hs.oldest
	hs.remove(h)
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

func (hs *holdings) append(h *holding) {
	h.old = hs.newest
	if hs.newest != nil {
		hs.newest.next = h
	} else {
		hs.oldest = h
	}
	hs.newest = h
}

func (hs *holdings) remove(h *holding) {
	if h.old != nil {
		h.old.next = h.next
	} else {
		hs.oldest = h.next
	}
	if h.next != nil {
		h.next.old = h.old
	} else {
		hs.newest = h.old
	}
	h.old, h.next = nil, nil
}
