package example.larkfold.billing

import java.time.LocalDate

enum class Plan(val cents: Long, val listeners: Int) {
    FREE(0, 1),
    SINGLE(999, 1),
    DUO(1399, 2),
    FAMILY(1699, 6),
    STUDENT(499, 1),
}

/** A listener's plan and the last day that is paid for. */
data class Subscription(val plan: Plan, val until: LocalDate)

/** The plan that counts on a day: what is not paid for any more is free. */
fun Subscription.on(day: LocalDate): Plan = if (day > until) Plan.FREE else plan
