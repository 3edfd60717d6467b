# What the plots share: where they go, how the logs are read, and how lines look.
#
# Needs picture (a .png or .svg file) and folder (of a run). Gives machines, the number of logs,
# and for the i-th of them logfile(i), legend(i), style(i) and width(i), and linetypes.

if (strstrt(picture.folder.scalemodel, "'") > 0) {
  print "the names of pictures, runs and programs must not contain a quote (')"
  exit status 2
}
logs = system(sprintf("cd '%s' && ls log*.txt", folder))
machines = words(logs)
if (machines == 0) {
  print sprintf("%s: no log<PORT>.txt; give the folder of a run", folder)
  exit status 2
}
logfile(i) = folder."/".word(logs, i)

ending = strlen(picture) < 4 ? "" : picture[strlen(picture) - 3:*]
# Many lines need room to part, and each its row in the legend. Of a crowd, nobody can follow one: there
# the lines of one clock rate look alike, and the legend has a row a rate.
large = machines > 8
crowd = machines > 32
height = large ? 760 : 480
columns = large ? 1280 : 960
if (ending eq ".png") {
  set terminal pngcairo size columns, height font "sans,11"
} else {
  if (ending eq ".svg") {
    set terminal svg size columns, height font "sans,13" background "white"
  } else {
    print sprintf("%s: a picture is .png or .svg", picture)
    exit status 2
  }
}

# What each log says of its machine: the number, the clock rate and how many ticks there are. A log that
# was never begun says nothing: "-". Of a machine that was killed at once there is no tick, and nothing is
# drawn. There may be a thousand logs: each is read once.
facts = system(sprintf("cd '%s' && for log in log*.txt; do awk '\
  /^# machine: / { own = $3 } \
  $2 == \"machine\" && $3 == own \":\" { rate = $0; sub(/.*clock_rate=/, \"\", rate); sub(/ .*/, \"\", rate) } \
  /^[0-9]/ { ticks++ } \
  END { print own == \"\" ? \"-\" : own, rate == \"\" ? \"-\" : rate, ticks + 0 }' \"$log\"; done", folder))
array owns[machines]
array rates[machines]
array ticks_of[machines]
do for [i = 1:machines] {
  owns[i] = word(facts, 3 * i - 2)
  rates[i] = word(facts, 3 * i - 1)
  ticks_of[i] = int(word(facts, 3 * i))
}
ticks(i) = ticks_of[i]
# Each clock rate and how many machines have it, "1 20 6 80"; by machine the place of its rate among
# these, and whether it is the first that has it.
groups = system(sprintf("printf '%%s\n' '%s' | awk '{ print $2 }' | sort -n | uniq -c | awk '{ print $2, $1 }'", facts))
array group_of[machines]
array is_first[machines]
seen = " "
do for [i = 1:machines] {
  do for [g = 1:words(groups) / 2] { if (word(groups, 2 * g - 1) eq rates[i]) { group_of[i] = g } }
  is_first[i] = strstrt(seen, " ".rates[i]." ") == 0
  if (is_first[i]) { seen = seen.rates[i]." " }
}
style(i) = crowd ? group_of[i] : i
machines_at(i) = word(groups, 2 * group_of[i])
legend(i) = !crowd ? sprintf("machine %s, %s/s", owns[i], rates[i]) : !is_first[i] ? "" : \
  sprintf("%s/s, %s machine%s", rates[i], machines_at(i), machines_at(i) eq "1" ? "" : "s")
trial = system(sprintf("sed -n 's/^# trial: \\(.*\\)/\\1/p' '%s'", logfile(1)))

# What theory says, if the program is there to be asked: a column of its CSV output, by machine.
all_predicted(name) = scalemodel eq "" ? "" : system(sprintf("'%s' predict --quiet --format csv '%s/trial.toml' | awk -F, \
  'NR == 1 { for (c = 1; c <= NF; c++) if ($c == \"%s\") k = c } 1 < NR { print $k }'", scalemodel, folder, name))
predicted(i, values) = values eq "" || owns[i] eq "-" ? NaN : real(word(values, int(owns[i])))

# Okabe and Ito's colours, which the colour-blind can tell apart; from the ninth line on they
# come again with other dashes. Dots are left to predictions.
colours = "#0072b2 #e69f00 #009e73 #cc79a7 #56b4e9 #d55e00 #7f7f7f #000000"
do for [i = 1:32] {
  colour = word(colours, 1 + (i - 1) % 8)
  if (i <= 8) { set linetype i linecolor rgb colour dashtype solid }
  if (8 < i && i <= 16) { set linetype i linecolor rgb colour dashtype (20, 6) }
  if (16 < i && i <= 24) { set linetype i linecolor rgb colour dashtype (12, 4, 2, 4, 2, 4) }
  if (24 < i) { set linetype i linecolor rgb colour dashtype (5, 4) }
}
set linetype cycle 32
# Earlier lines are wider, so that lines that lie on each other can all be seen.
width(i) = crowd ? 0.8 : large ? 1.5 : 1.6 + 0.9 * (machines - i)

# The faults of the trial, as the header of a log tells them: shaded spans, named at the top.
spans = system(sprintf("sed -n 's/^# fault [0-9]*: kind=\\([a-z]*\\) at_ms=\\([0-9]*\\) \
for_ms=\\([0-9]*\\).*/\\1 \\2 \\3/p' '%s'", logfile(1)))
faults = words(spans) / 3
do for [i = 1:faults] {
  begin = word(spans, 3 * i - 1) / 1000.0
  end = begin + word(spans, 3 * i) / 1000.0
  set object i rectangle from first begin, graph 0 to first end, graph 1 behind \
    fillcolor rgb "#7f7f7f" fillstyle transparent solid 0.15 noborder
  set label i word(spans, 3 * i - 2) at first begin, graph 1 - 0.04 * ((i - 1) % 8) \
    left offset 0.4, -0.7 font ",8" textcolor rgb "#404040" front
}
# Theory leaves faults out.
prediction = faults > 0 ? "predicted without faults" : "predicted"

set datafile commentschars "#"
set datafile columnheaders
set output picture
set key outside right top samplen (large ? 6 : 4)
set grid back linetype 1 dashtype solid linewidth 0.5 linecolor rgb "#d0d0d0"
set border 3
set tics nomirror out
set xlabel "model time (s)"
set xrange [0:*]
set yrange [0:*]
