# Rows of sequential laboratory values by R survival, as its vignette on time-dependent covariates
# builds them from pbc and pbcseq, and a Cox model on them; writes pbcseq.json.
# Run: Rscript tests/oracles/pbcseq.R   (R 4.2.2, survival 3.5-3)
library(survival)
library(jsonlite)

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1]))

people <- subset(pbc, id <= 312, select = c(id, time, status))
names(people)[names(people) == "time"] <- "futime"
visits <- pbcseq[c("id", "day", "ascites", "bili", "albumin", "protime", "alk.phos")]
rows <- tmerge(people, people, id = id, death = event(futime, status))
rows <- tmerge(rows, visits, id = id, ascites = tdc(day, ascites), bili = tdc(day, bili),
               albumin = tdc(day, albumin), protime = tdc(day, protime),
               alk.phos = tdc(day, alk.phos))
# Where the visits fall: each covariate merged alone, or the cuts of the others would count.
alone <- tmerge(people, people, id = id, death = event(futime, status))
places <- do.call(rbind, lapply(setdiff(names(visits), c("id", "day")), function(name) {
  visits$value <- visits[[name]]
  merged <- tmerge(alone, visits, id = id, value = tdc(day, value))
  data.frame(covariate = name, attr(merged, "tcount")["value", , drop = FALSE], row.names = NULL)
}))

fit <- coxph(Surv(tstart, tstop, death == 2) ~ log(bili) + log(protime), data = rows)
clustered <- coxph(Surv(tstart, tstop, death == 2) ~ log(bili) + log(protime), data = rows,
                   cluster = id)
output <- list(
  versions = list(R = R.version.string, survival = as.character(packageVersion("survival"))),
  people = people, visits = visits, places = places,
  rows = rows[c("id", "tstart", "tstop", "death", "ascites", "bili", "albumin", "protime",
                "alk.phos")],
  cox = list(coef = unname(coef(fit)), se = unname(sqrt(diag(vcov(fit)))),
             robust_se = unname(sqrt(diag(vcov(clustered)))), loglik = fit$loglik[2], n = fit$n,
             n_events = fit$nevent)
)
write(toJSON(output, dataframe = "columns", digits = NA, auto_unbox = TRUE, na = "null"),
      file.path(here, "pbcseq.json"))
