# The plot of docs/scale.md; bench/scale/run calls it with `folder`.
set terminal pngcairo size 1200,1000 font "sans,10" noenhanced
set output "docs/plots/scale.png"
set multiplot layout 2,1
set grid
set xrange [0:1400]
set xlabel "seconds; the endpoint is out from 60 to 660"
set key top left
rows(name) = folder . "/" . name . ".rows"

set logscale y
set format y "%.0f"
set yrange [10:1000000]
set ylabel "requests a second, all hosts"
plot rows("thousand") using 1:($2 > 0 ? $2 : 1) with lines title "queue 10,000", \
     rows("minute") using 1:($2 > 0 ? $2 : 1) with lines title "queue 60,000", \
     rows("all") using 1:($2 > 0 ? $2 : 1) with lines title "queue 660,000", \
     rows("all_slow") using 1:($2 > 0 ? $2 : 1) with lines \
         title "queue 900,000, 1 in flight, retry_max_ms 300,000", \
     rows("all_limited") using 1:($2 > 0 ? $2 : 1) with lines \
         title "queue 660,000, the endpoint takes 20,000 a second", \
     rows("asked") using 1:($2 > 0 ? $2 : 1) with lines \
         title "and says Retry-After 10 to the rest"

unset logscale y
set yrange [0:*]
set ylabel "events pending, a host"
plot rows("thousand") using 1:($6 / 10000) with lines title "queue 10,000", \
     rows("minute") using 1:($6 / 10000) with lines title "queue 60,000", \
     rows("all") using 1:($6 / 10000) with lines title "queue 660,000", \
     rows("all_slow") using 1:($6 / 10000) with lines \
         title "queue 900,000, 1 in flight, retry_max_ms 300,000", \
     rows("all_limited") using 1:($6 / 10000) with lines \
         title "queue 660,000, the endpoint takes 20,000 a second", \
     rows("asked") using 1:($6 / 10000) with lines \
         title "and says Retry-After 10 to the rest"
unset multiplot
