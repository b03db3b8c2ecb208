package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/browsertest"
	"github.com/concrete-security/auth-service/internal/tokentest"
)

// inFrontOf returns the address of a proxy that notes the paths that it is asked for.
func inFrontOf(t *testing.T, address string) (front string, asked func() []string) {
	t.Helper()
	to, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var paths []string
	proxy := httputil.NewSingleHostReverseProxy(to)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		paths = append(paths, r.URL.Path)
		mu.Unlock()
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(paths)
	}
}

// faintTexts is an expression for the texts of a page that have less contrast than
// WCAG 2.1 asks for at level AA.
const faintTexts = `(() => {
	const numbers = color => color.match(/[\d.]+/g).map(Number)
	const luminance = color => {
		const [r, g, b] = color.map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
		return 0.2126 * r + 0.7152 * g + 0.0722 * b
	}
	const behind = element => {
		for (; element; element = element.parentElement) {
			const color = numbers(getComputedStyle(element).backgroundColor)
			if (color.length < 4 || color[3] > 0) return color
		}
		return [255, 255, 255]
	}
	const faint = []
	const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
	let seen = 0
	while (walker.nextNode()) {
		const element = walker.currentNode.parentElement
		if (!walker.currentNode.data.trim()) continue
		seen++
		const a = luminance(numbers(getComputedStyle(element).color)), b = luminance(behind(element).slice(0, 3))
		const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
		if (contrast < 4.5) faint.push(contrast.toFixed(2) + " " + element.outerHTML.slice(0, 100))
	}
	return seen < 50 ? ["there are only " + seen + " texts"] : faint
})()`

// shifts is an expression for how many times something on the page moved while it was
// loaded.
const shifts = `new Promise(done => {
	let seen = 0
	new PerformanceObserver(list => { seen += list.getEntries().length }).observe({type: "layout-shift", buffered: true})
	setTimeout(() => done(seen), 100)
})`

// TestStatusPageInBrowser: the page fits a phone and a desktop, in light and dark
// colours. The browser asks for nothing else, and has nothing to complain about.
func TestStatusPageInBrowser(t *testing.T) {
	if raceEnabled {
		t.Skip("the browser is a program of its own, which the race detector does not look into")
	}
	t.Parallel()
	_, admin := statusService(t)
	// Here everything is as long as it may be, and every state of a token is there.
	long := strings.Repeat("principal-", 12)
	text := tokentest.EntryLine(core.Entry{Principal: long, Credential: core.CredentialOf([]byte("a")), Scopes: []string{strings.Repeat("s", 64), strings.Repeat("t", 64)}, Expires: 1})
	dir := t.TempDir()
	for range 8 {
		dir = filepath.Join(dir, strings.Repeat("d", 30))
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	keyring := tokentest.WriteFile(t, filepath.Join(dir, "keyring"), text)
	wide, wideAdmin := startAdmin(t, "AUTH_SERVICE_KEYRING="+keyring)
	tokentest.WriteFile(t, keyring, "nonsense\n")
	wide.await(t, "reload failed")

	b := browsertest.Start(t)
	for _, address := range []string{admin, "http://" + wideAdmin} {
		front, asked := inFrontOf(t, address)
		visits := 0
		for _, width := range []int{320, 360, 768, 1200} {
			for _, dark := range []bool{false, true} {
				b.Show(width, 800, dark)
				v := b.Visit(front + "/")
				visits++
				name := fmt.Sprintf("%s at %d, dark %t", address, width, dark)
				if v.Status != http.StatusOK || !strings.Contains(v.Text, "auth-service") {
					t.Fatalf("%s: %v", name, v)
				}
				if len(v.Complaints) > 0 {
					t.Errorf("%s: the browser complains: %q", name, v.Complaints)
				}
				for _, request := range v.Requests {
					if request != front+"/" && request != "data:," {
						t.Errorf("%s: it asks for %s", name, request)
					}
				}
				var content, window, moved int
				var faint []string
				var back string
				b.Evaluate("document.documentElement.scrollWidth", &content)
				b.Evaluate("innerWidth", &window)
				b.Evaluate(shifts, &moved)
				b.Evaluate(faintTexts, &faint)
				b.Evaluate("getComputedStyle(document.body).backgroundColor", &back)
				if content > window || window != width {
					t.Errorf("%s: the page is %d wide in a window of %d", name, content, window)
				}
				if moved > 0 || len(faint) > 0 {
					t.Errorf("%s: %d things move; too faint: %q", name, moved, faint)
				}
				if isDark := back == "rgb(18, 22, 26)"; isDark != dark {
					t.Errorf("%s: it is on %s", name, back)
				}
			}
		}
		if paths := asked(); len(paths) != visits || slices.ContainsFunc(paths, func(p string) bool { return p != "/" }) {
			t.Errorf("in %d visits, the browser asked for %q", visits, paths)
		}
	}
}

// TestStatusPicture takes the picture of the page in docs: on a desktop, beside a phone.
// It writes it to the file that AUTH_SERVICE_PICTURE names, as task picture:status does.
func TestStatusPicture(t *testing.T) {
	if raceEnabled {
		t.Skip("the browser is a program of its own, which the race detector does not look into")
	}
	t.Parallel()
	_, admin := statusService(t)
	b := browsertest.Start(t)
	b.Show(1000, 800, false)
	b.Visit(admin + "/")
	var height int
	b.Evaluate("document.documentElement.scrollHeight", &height)
	const gap = 24
	shot := func(width int) image.Image {
		b.Show(width, height, false)
		b.Visit(admin + "/")
		picture, err := png.Decode(bytes.NewReader(b.Picture()))
		if err != nil {
			t.Fatal(err)
		}
		if size := picture.Bounds().Size(); size != image.Pt(width, height) {
			t.Fatalf("the picture is %v", size)
		}
		return picture
	}
	desktop, phone := shot(1000), shot(360)
	whole := image.NewRGBA(image.Rect(0, 0, 1000+gap+360, height))
	draw.Draw(whole, desktop.Bounds(), desktop, image.Point{}, draw.Src)
	draw.Draw(whole, phone.Bounds().Add(image.Pt(1000+gap, 0)), phone, image.Point{}, draw.Src)
	var out bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&out, fewColors(whole)); err != nil {
		t.Fatal(err)
	}
	if out.Len() < 20_000 || out.Len() > 200_000 {
		t.Errorf("the picture has %d bytes", out.Len())
	}
	if file := os.Getenv("AUTH_SERVICE_PICTURE"); file != "" {
		if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// fewColors returns the picture in its 256 most frequent colours.
func fewColors(picture *image.RGBA) image.Image {
	counts := map[color.Color]int{}
	var colors color.Palette
	for y := range picture.Rect.Dy() {
		for x := range picture.Rect.Dx() {
			c := picture.At(x, y)
			if counts[c]++; counts[c] == 1 {
				colors = append(colors, c)
			}
		}
	}
	slices.SortStableFunc(colors, func(a, b color.Color) int { return counts[b] - counts[a] })
	few := image.NewPaletted(picture.Rect, colors[:min(len(colors), 256)])
	draw.Draw(few, few.Rect, picture, image.Point{}, draw.Src)
	return few
}
