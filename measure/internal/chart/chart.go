// Package chart draws bars and points as SVG, for the reports of the tools.
package chart

import (
	"encoding/xml"
	"fmt"
	"math"
	"strings"
)

// A Chart is horizontal bars, or points on lines, in groups on one scale.
type Chart struct {
	Title, Description string
	Logarithmic        bool
	// Limit is a line across all groups, if it is more than zero.
	Limit      float64
	LimitLabel string
	Groups     []Group
}

// A Group is bars under one title.
type Group struct {
	Title string
	Bars  []Bar
}

// A Bar is one line of a chart. It shows points if it has any, otherwise value
// and, if they differ, the range from low to high.
type Bar struct {
	Label, Class, Text string
	Value, Low, High   float64
	Points             []float64
}

// The classes of bars.
const (
	Subject = "subject"
	Anchor  = "anchor"
	Other   = "other"
)

// The background belongs to the picture, so that it is readable wherever the
// viewer's colour scheme is not the page's.
const chartStyle = `
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600; font-size: 15px }
.group { font-weight: 600 }
.faint { fill: #59636e; font-size: 12px }
.end { text-anchor: end }
.middle { text-anchor: middle }
.paper { fill: #ffffff }
.grid { stroke: #d1d9e0 }
.limit { stroke: #9a3412; stroke-width: 1.5; stroke-dasharray: 5 3 }
.whisker { stroke: #1f2328; stroke-width: 1.5 }
.subject { fill: #0969da; stroke: #0969da }
.anchor { fill: #6e7781; stroke: #6e7781 }
.other { fill: #afb8c1; stroke: #afb8c1 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.faint { fill: #9198a1 }
.paper { fill: #0d1117 }
.grid { stroke: #30363d }
.limit { stroke: #f0883e }
.whisker { stroke: #e6edf3 }
.subject { fill: #4493f8; stroke: #4493f8 }
.anchor { fill: #9198a1; stroke: #9198a1 }
.other { fill: #545d68; stroke: #545d68 }
}
`

const (
	chartWidth = 780.0
	plotLeft   = 130.0
	plotRight  = 610.0
	barHeight  = 14.0
	lineHeight = 24.0
	headHeight = 66.0
)

// SVG draws the chart.
func (c *Chart) SVG() string {
	s := c.scale()
	height := headHeight + lineHeight
	for _, g := range c.Groups {
		height += lineHeight * float64(len(g.Bars)+1)
	}
	bottom := height - lineHeight
	var w strings.Builder
	fmt.Fprintf(&w, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" viewBox="0 0 %.0[1]f %.0[2]f" role="img">`+"\n",
		chartWidth, height)
	fmt.Fprintf(&w, "<title>%s</title>\n<desc>%s</desc>\n<style>%s</style>\n", escaped(c.Title), escaped(c.Description), chartStyle)
	fmt.Fprintf(&w, `<rect class="paper" width="%.0f" height="%.0f"/>`+"\n", chartWidth, height)
	writeText(&w, "title", 16, 24, c.Title)
	writeText(&w, "faint", 16, 44, c.Description)
	for _, tick := range s.ticks {
		writeText(&w, "faint middle", s.place(tick), bottom+16, tickText(tick))
	}
	y := headHeight
	for _, g := range c.Groups {
		writeText(&w, "group", 16, y+16, g.Title)
		y += lineHeight
		for _, tick := range s.ticks {
			fmt.Fprintf(&w, `<path class="grid" d="M%.1f %.1fv%.1f"/>`+"\n", s.place(tick), y, lineHeight*float64(len(g.Bars)))
		}
		for _, b := range g.Bars {
			b.draw(&w, s, y)
			y += lineHeight
		}
	}
	if c.Limit > 0 {
		x := s.place(c.Limit)
		fmt.Fprintf(&w, `<line class="limit" x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f"/>`+"\n", x, x, headHeight, bottom)
		writeText(&w, "faint middle", x, headHeight-4, c.LimitLabel)
	}
	w.WriteString("</svg>\n")
	return w.String()
}

func (b Bar) draw(w *strings.Builder, s scale, y float64) {
	middle := y + lineHeight/2
	writeText(w, "end", plotLeft-8, middle+4, b.Label)
	writeText(w, "faint", plotRight+12, middle+4, b.Text)
	if len(b.Points) > 0 {
		first, last := s.place(b.Points[0]), s.place(b.Points[len(b.Points)-1])
		fmt.Fprintf(w, `<line class="%s" x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f" stroke-width="2"/>`+"\n", b.Class, first, last, middle, middle)
		for i, point := range b.Points {
			fmt.Fprintf(w, `<circle class="%s" cx="%.1f" cy="%.1f" r="%.1f"/>`+"\n", b.Class, s.place(point), middle, 6-float64(i))
		}
		return
	}
	x := s.place(b.Value)
	fmt.Fprintf(w, `<rect class="%s" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`+"\n",
		b.Class, plotLeft, middle-barHeight/2, x-plotLeft, barHeight)
	if b.High > b.Low {
		low, high := s.place(b.Low), s.place(b.High)
		fmt.Fprintf(w, `<path class="whisker" fill="none" d="M%.1f %.1fv8m0-4H%.1fm0-4v8"/>`+"\n", low, middle-4, high)
	}
}

func writeText(w *strings.Builder, class string, x, y float64, text string) {
	if text != "" {
		fmt.Fprintf(w, `<text class="%s" x="%.1f" y="%.1f">%s</text>`+"\n", class, x, y, escaped(text))
	}
}

func escaped(text string) string {
	var w strings.Builder
	_ = xml.EscapeText(&w, []byte(text)) // a Builder takes everything
	return w.String()
}

// scale places values between plotLeft and plotRight.
type scale struct {
	from, to    float64
	logarithmic bool
	ticks       []float64
}

func (s scale) place(v float64) float64 {
	share := (v - s.from) / (s.to - s.from)
	if s.logarithmic {
		share = math.Log(v/s.from) / math.Log(s.to/s.from)
	}
	return plotLeft + min(max(share, 0), 1)*(plotRight-plotLeft)
}

// scale returns one that has room for all values, with ticks at round ones.
func (c *Chart) scale() scale {
	least, most := math.Inf(1), c.Limit
	for _, g := range c.Groups {
		for _, b := range g.Bars {
			for _, v := range append([]float64{b.Value, b.High}, b.Points...) {
				most = max(most, v)
				if v > 0 {
					least = min(least, v)
				}
			}
		}
	}
	if most <= 0 {
		most, least = 1, 1
	}
	s := scale{logarithmic: c.Logarithmic}
	if c.Logarithmic {
		s.from = math.Pow(10, math.Floor(math.Log10(least)))
		s.to = max(math.Pow(10, math.Ceil(math.Log10(most))), s.from*10)
		for tick := s.from; tick <= s.to*1.001; tick *= 10 {
			s.ticks = append(s.ticks, tick)
		}
		return s
	}
	step := math.Pow(10, math.Floor(math.Log10(most/4)))
	for _, factor := range []float64{5, 2} {
		if most/(step*factor) >= 4 {
			step *= factor
			break
		}
	}
	s.to = math.Ceil(most/step-1e-9) * step
	for i := 0; float64(i)*step <= s.to*1.001; i++ {
		s.ticks = append(s.ticks, float64(i)*step)
	}
	return s
}

func tickText(v float64) string {
	if v >= 1000 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.4g", v)
}
