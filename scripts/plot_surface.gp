# Draws where a machine saturates: how fast its queue grows, over its clock rate and the draw range.
#
# Usage: gnuplot -c scripts/plot_surface.gp PICTURE.png|PICTURE.svg SWEEP.csv MACHINE
#
# SWEEP.csv comes from: scalemodel sweep TRIAL --format csv --vary clock_rate:K=A..B
# --vary draw_range=A..B, with K = MACHINE.

if (ARGC != 3) {
  print "usage: gnuplot -c scripts/plot_surface.gp PICTURE.png|PICTURE.svg SWEEP.csv MACHINE"
  exit status 2
}
picture = ARG1
sweep = ARG2
machine = ARG3
if (picture[strlen(picture) - 3:*] eq ".png") {
  set terminal pngcairo size 960, 600 font "sans,11"
} else {
  set terminal svg size 960, 600 font "sans,13" background "white"
}

set datafile separator ","
set datafile columnheaders
set output picture
set title sprintf("Growth of the queue of machine %s (messages a second)", machine)
set xlabel "draw range"
set ylabel "clock rate (1/s)"
set cblabel "median queue at the end / duration"
set palette defined (0 "#f7f7f7", 0.02 "#c6dbef", 0.3 "#6baed6", 1 "#08306b")
set xtics 1
set ytics 1
set tics nomirror out
set autoscale noextend
set key off
rate = sprintf("clock_rate_%s", machine)
growth(m, queue, duration) = m == machine + 0 ? queue / duration : NaN
plot sweep using "draw_range":rate:(0.5):(0.5):(growth(column("machine"), \
  column("queue_end_median"), column("duration_s"))) \
  with boxxyerror linecolor palette fillstyle solid noborder
