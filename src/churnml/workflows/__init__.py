"""The jobs, each written as a sentence: open the business, build, fit, judge, publish."""
