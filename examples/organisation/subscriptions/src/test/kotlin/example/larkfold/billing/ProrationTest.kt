package example.larkfold.billing

import java.time.LocalDate
import kotlin.test.Test
import kotlin.test.assertEquals

class ProrationTest {
    @Test
    fun aFullMonthCostsTheDifference() {
        assertEquals(400, changeCost(Plan.SINGLE, Plan.DUO, LocalDate.of(2025, 4, 1)))
    }

    @Test
    fun roundingFavoursTheListener() {
        assertEquals(-134, changeCost(Plan.DUO, Plan.SINGLE, LocalDate.of(2025, 4, 21)))
    }
}
