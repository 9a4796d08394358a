# Draws soak.svg in the current folder from samples.csv and rests.csv. soak.py sets the variables: minutes, requests, first_mib
# and last_mib (the floor in the first and in the last quarter).

rss_colour = "#a9c7d3"
floor_colour = "#1f6f8b"
live_colour = "#b4451f"
quiet = "#666666"
mib = 1048576.0

set terminal svg size 960,540 font "DejaVu Sans,14" background "#ffffff"
set output "soak.svg"
set encoding utf8
set datafile separator ","

set tmargin 6
set rmargin 18
set label 1 sprintf("{/:Bold*1.2 Memory of an nginx worker under respire, in %.0f minutes of bursts and rests}", minutes) \
    at screen 0.02, 0.945 left
set label 2 sprintf("%d requests. The floor, the lowest point of each rest, is %.1f MiB in the first quarter and %.1f MiB in the last.", \
    requests, first_mib, last_mib) at screen 0.02, 0.885 left textcolor rgb quiet
set xlabel "minutes" textcolor rgb quiet
set ylabel "MiB" textcolor rgb quiet
set border 1 linecolor rgb "#999999"
set xtics nomirror scale 0.5 textcolor rgb quiet
set ytics nomirror scale 0 textcolor rgb quiet
set grid ytics linetype 1 linecolor rgb "#e4e4e4"
set key off
set xrange [0:minutes]

stats "samples.csv" skip 1 using ($2 / mib) name "all" nooutput
stats "rests.csv" skip 1 using ($3 / mib) name "rest" nooutput
set yrange [0:all_max * 1.05]
line_height = all_max * 0.06
floor_y = last_mib - rest_mean < line_height ? rest_mean + line_height : last_mib
set label 3 "resident" at minutes * 1.01, all_max textcolor rgb "#5f8fa3"
set label 4 "floor" at minutes * 1.01, floor_y textcolor rgb floor_colour
set label 5 "live in Lua, at rest" at minutes * 1.01, rest_mean textcolor rgb live_colour

plot "samples.csv" skip 1 using ($1 / 60):($2 / mib) with lines linewidth 1 linecolor rgb rss_colour, \
     "rests.csv" skip 1 using ($1 / 60):($2 / mib) with linespoints pointtype 7 pointsize 0.35 linewidth 2 linecolor rgb floor_colour, \
     "rests.csv" skip 1 using ($1 / 60):($3 / mib) with lines linewidth 2 linecolor rgb live_colour
