/** Words of a question that say nothing about where to look. */
export const STOP_WORDS = new Set(
  `a about above after again all also am an and any anything are around as ask at be because been before being below between
  both but by call called calling calls can cannot class classes code codebase come comes could define defined defines
  definition describe describes detail details did do does doing done each else etc even ever every everything exactly
  example examples explain explains file files find first for from function functions get gets getting give given gives go
  goes had handle handled handles happen happening happens has have having he hello help hey hi how i if implement
  implementation implemented implements in inside into is it its itself just kind know let like line lines list located
  look looking looks made main make makes many may me mean means method methods might more most much must my name named
  need needs no not now of off on once one only or other our out over overview own part parts place places please point
  project purpose put question quick read really repo repository responsible return returned returns run runs same say says
  see set sets shall she should show shows so some something source start still such tell than thank thanks that the their
  them then there these they thing things this those through to too two under understand until up us use used uses using
  very via want was way we well were what when where whether which while who whole whose why will with within without work
  working works would write written yes you your`.split(/\s+/),
);
