# Draws seconds against queue size: one line a machine, its clock rate in the legend.
#
# Usage: gnuplot -c scripts/plot_queue.gp PICTURE.png|PICTURE.svg RUN [SCALEMODEL]
#
# With the program named, what theory predicts of each machine is drawn too, as a thin dotted line.

if (ARGC < 2 || ARGC > 3) {
  print "usage: gnuplot -c scripts/plot_queue.gp PICTURE.png|PICTURE.svg RUN [SCALEMODEL]"
  exit status 2
}
picture = ARG1
folder = ARG2
scalemodel = ARGC == 3 ? ARG3 : ""
load ARG0[1:strstrt(ARG0, "plot_queue.gp") - 1]."plot_common.gp"

set title sprintf("%s: queue size of each machine", trial)
set ylabel "queue size (messages)"
array growth[machines]
growths = all_predicted("queue_growth_per_s")
do for [i = 1:machines] { growth[i] = predicted(i, growths) }
plot for [i = 1:machines] (ticks(i) > 0 ? logfile(i) : "/dev/null") \
  using "model_time_s":"queue_len" with steps \
  linetype style(i) linewidth width(i) title legend(i), \
  for [i = 1:machines] growth[i] * x with lines linetype style(i) dashtype 3 linewidth 1 \
  title (i == machines && scalemodel ne "" ? prediction : "")
