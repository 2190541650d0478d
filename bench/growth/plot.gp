# The plot of docs/growth.md; bench/growth/run calls it with `folder`.
set terminal pngcairo size 1200,1000 font "sans,10" noenhanced
set output "docs/plots/growth.png"
set multiplot layout 3,2
set logscale xy
set grid
set key top left
set format x "%.0s%c"
set ylabel "ns of CPU an event"
data(name) = folder . "/" . name . ".dat"
errors = "using 1:2:3:4 with yerrorlines pointtype 7"

set yrange [100:2000]
set xlabel "events before"
plot data("events") @errors title "the whole way"

set yrange [5:500]
set xrange [1000:1000000]
set xlabel "events queued"
plot data("queue_add") @errors title "process_event", \
     data("queue_drive") @errors title "deliver"

set xrange [*:*]
set yrange [100:200000]
set xlabel "bytes of an event (0 to 1,000 attributes)"
plot data("attributes") using 5:2:3:4 with yerrorlines pointtype 7 \
         title "the whole way", \
     x * 0.3 with lines dashtype 2 title "0.3 ns a byte"

set yrange [100:2000]
set xlabel "events of a batch (3 MiB a body at most)"
plot data("batch") @errors title "the whole way"

set yrange [50:2000]
set xlabel "contexts"
plot data("contexts") @errors title "events of all in turn", \
     data("blocked") @errors title "beside so many that cannot leave"

set xlabel "failed batches that wait by themselves"
plot data("waiting") @errors title "beside them"
unset multiplot
