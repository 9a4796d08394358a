# Draws rss.svg in the current folder from rss-stock.dat and rss-respire.dat. picture.py sets the variables:
# first, last, busy_seconds, requests, NAME_mib (RSS 10 s after the collection), NAME_gc_mib (Lua's own count).

stock_colour = "#b4451f"
respire_colour = "#1f6f8b"
quiet = "#666666"

set terminal svg size 960,540 font "DejaVu Sans,14" background "#ffffff"
set output "rss.svg"
set encoding utf8

set tmargin 6
set label 5 sprintf("{/:Bold*1.2 Memory of an nginx worker during and after the same burst of %d requests}", requests) \
    at screen 0.02, 0.945 left
set label 6 sprintf( \
    "At 0 s full Lua collections have ended; LuaJIT then counts %.1f MiB (stock) and %.1f MiB (respire) in use.", \
    stock_gc_mib, respire_gc_mib) at screen 0.02, 0.885 left textcolor rgb quiet
set xlabel "seconds after burst and collection" textcolor rgb quiet
set ylabel "resident memory (VmRSS), MiB" textcolor rgb quiet

set border 1 linecolor rgb "#999999"
set xtics nomirror scale 0.5 textcolor rgb quiet
set ytics nomirror scale 0 textcolor rgb quiet
set grid ytics linetype 1 linecolor rgb "#e4e4e4"
set key off
set rmargin 18
set xrange [first:last]

# The axis starts at zero and ends a little above the highest point.
stats "rss-stock.dat" using 2 name "stock_rss" nooutput
stats "rss-respire.dat" using 2 name "respire_rss" nooutput
top = (stock_rss_max > respire_rss_max ? stock_rss_max : respire_rss_max) * 1.05
set yrange [0:top]

set object 1 rectangle from -busy_seconds, 0 to 0, top fillcolor rgb "#f1efe8" fillstyle solid noborder behind
set label 1 "burst, then collection" at -busy_seconds, graph 1.03 textcolor rgb quiet
set label 2 "idle" at 0, graph 1.03 textcolor rgb quiet

# Labels stand at the curves' ends, a line apart and clear of the axis.
line_height = top * 0.06
respire_y = respire_mib < line_height / 2 ? line_height / 2 : respire_mib
stock_y = stock_mib < line_height / 2 ? line_height / 2 : stock_mib
if (abs(stock_y - respire_y) < line_height) {
    if (stock_y > respire_y) { stock_y = respire_y + line_height } else { respire_y = stock_y + line_height }
}
set label 3 sprintf("stock  %.0f MiB", stock_mib) at last + 0.3, stock_y textcolor rgb stock_colour
set label 4 sprintf("respire  %.0f MiB", respire_mib) at last + 0.3, respire_y textcolor rgb respire_colour

plot "rss-stock.dat" using 1:2 with lines linewidth 2.5 linecolor rgb stock_colour, \
     "rss-respire.dat" using 1:2 with lines linewidth 2.5 linecolor rgb respire_colour
