# Draws seconds against queue size: one line a machine, its clock rate in the legend.
#
# Usage: gnuplot -c scripts/plot_queue.gp PICTURE.png|PICTURE.svg RUN

if (ARGC != 2) {
  print "usage: gnuplot -c scripts/plot_queue.gp PICTURE.png|PICTURE.svg RUN"
  exit status 2
}
picture = ARG1
folder = ARG2
load ARG0[1:strstrt(ARG0, "plot_queue.gp") - 1]."plot_common.gp"

set title sprintf("%s: queue size of each machine", trial)
set ylabel "queue size (messages)"
plot for [i = 1:machines] (ticks(i) > 0 ? logfile(i) : "/dev/null") \
  using "model_time_s":"queue_len" with steps \
  linetype i dashtype dash(i) linewidth width(i) title label(i)
