package example.larkfold.billing

import java.time.LocalDate
import java.time.temporal.ChronoUnit

/** What changing the plan in the middle of a month costs, in cents; negative where money goes back. Rounded in the listener's favour. */
fun changeCost(from: Plan, to: Plan, on: LocalDate): Long {
    val left = ChronoUnit.DAYS.between(on, on.withDayOfMonth(1).plusMonths(1))
    val difference = (to.cents - from.cents) * left
    return Math.floorDiv(difference, on.lengthOfMonth().toLong())
}
