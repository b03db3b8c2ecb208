package nginx_test

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
	"github.com/concrete-security/auth-service/internal/needtest"
)

// TestPicture takes the picture of a browser that asks for a token. A headless browser
// shows no such box, so this one has a screen in memory.
func TestPicture(t *testing.T) {
	file := os.Getenv("AUTH_SERVICE_PICTURE")
	if file == "" {
		t.Skip("it writes a picture; task picture:browser runs it")
	}
	site := start(t, "recommended.conf", proxytest.StartService(t, proxytest.TokenVariable, "ACCEPT=bearer,basic"))
	dir := t.TempDir()
	const display = "99"
	screen := filepath.Join(dir, "Xvfb_screen0")
	proxytest.Start(t, "/tmp/.X11-unix/X"+display, nil, needtest.Program(t, "Xvfb"), ":"+display, "-screen", "0", "720x420x24", "-fbdir", dir, "-nolisten", "tcp")
	proxytest.Start(t, site.Address, []string{"DISPLAY=:" + display, "HOME=" + dir}, needtest.Program(t, "chromium"),
		"--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--test-type", "--user-data-dir="+filepath.Join(dir, "profile"),
		"--window-position=0,0", "--window-size=720,420", "--host-resolver-rules=MAP app.localhost:80 "+site.Address, "http://app.localhost/")
	site.Service.AwaitLog(t, "reason=missing")
	time.Sleep(4 * time.Second) // a cursor blinks in the box, so the screen never stays the same
	xwd, err := os.ReadFile(screen)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&out, screenshot(xwd)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// screenshot decodes what Xvfb's screen holds, which has the form of xwd(1): a head of
// numbers, a table of colours, and four bytes a pixel. The picture has at most 256 colours.
func screenshot(xwd []byte) image.Image {
	number := func(i int) int { return int(binary.BigEndian.Uint32(xwd[4*i:])) }
	width, height, line := number(4), number(5), number(12)
	pixels := xwd[number(0)+12*number(19):]
	at := func(x, y int) color.Color {
		p := pixels[y*line+4*x:]
		return color.RGBA{p[2], p[1], p[0], 0xff}
	}
	var colors color.Palette // the most frequent ones
	counts := map[color.Color]int{}
	for y := range height {
		for x := range width {
			c := at(x, y)
			if counts[c]++; counts[c] == 1 {
				colors = append(colors, c)
			}
		}
	}
	slices.SortStableFunc(colors, func(a, b color.Color) int { return counts[b] - counts[a] })
	shot := image.NewPaletted(image.Rect(0, 0, width, height), colors[:min(len(colors), 256)])
	for y := range height {
		for x := range width {
			shot.Set(x, y, at(x, y))
		}
	}
	return shot
}
