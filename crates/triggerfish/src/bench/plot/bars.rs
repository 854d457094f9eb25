//! The rounds of figures of one kind, side by side.

use super::{
    LEFT, LINE, RIGHT, WIDTH, scale,
    svg::{Anchor, COLOURS, GOAL, GRID, Svg},
};
use crate::bench::outcome::{Unit, Values};

const HEIGHT: f64 = 180.0;
/// Figures in one row of a panel; more get rows of their own.
const GROUPS_MAX: usize = 6;

/// Draws below `top`; gives where the panel ends.
pub(super) fn draw(svg: &mut Svg, top: f64, unit: Unit, figures: &[&Values]) -> f64 {
    let goals = figures.iter().filter_map(|values| values.goal);
    let values = figures.iter().map(|values| values.high());
    let max = values.chain(goals.map(|goal| goal.bound.value()));
    let scale = scale(max.fold(0.0, f64::max));
    let mut top = top;
    for row in figures.chunks(GROUPS_MAX) {
        top = draw_row(svg, top, unit, row, scale);
    }
    top
}

fn draw_row(svg: &mut Svg, top: f64, unit: Unit, row: &[&Values], scale: (f64, f64)) -> f64 {
    let (highest, step) = scale;
    let (top, right) = (top + LINE, WIDTH - RIGHT);
    let bottom = top + HEIGHT;
    let at = |value: f64| bottom - value.max(0.0) / highest * HEIGHT;
    let mut mark = 0.0;
    while mark <= highest + step / 2.0 {
        svg.line((LEFT, at(mark)), (right, at(mark)), GRID);
        let place = (LEFT - 6.0, at(mark) + 4.0);
        svg.text(place, Anchor::End, &shown(unit, mark, step));
        mark += step;
    }
    #[expect(clippy::cast_precision_loss, reason = "a row has few figures")]
    let width = (right - LEFT) / row.len() as f64;
    let mut left = LEFT;
    for (values, colour) in row.iter().zip(COLOURS) {
        group(svg, values, [left, width, bottom], at, colour);
        left += width;
    }
    bottom + 3.0 * LINE
}

/// The rounds of one figure.
fn group(
    svg: &mut Svg,
    values: &Values,
    [left, width, bottom]: [f64; 3],
    at: impl Fn(f64) -> f64,
    colour: &str,
) {
    #[expect(clippy::cast_precision_loss, reason = "there are few rounds")]
    let places = values.rounds.len() as f64 + 1.0;
    let place = width / places;
    let mut x = left + place / 2.0;
    for value in &values.rounds {
        let y = at(*value);
        svg.rect([x + place * 0.1, y, place * 0.8, bottom - y], colour);
        x += place;
    }
    let middle = left + width / 2.0;
    let unit = values.figure.unit;
    svg.text((middle, bottom + LINE), Anchor::Middle, &values.figure.name);
    let median = unit.show(values.median());
    let Some(goal) = values.goal else {
        svg.text((middle, bottom + 2.0 * LINE), Anchor::Middle, &median);
        return;
    };
    let y = at(goal.bound.value());
    svg.dashes((left + 4.0, y), (left + width - 4.0, y), GOAL);
    let reached = if values.is_reached(goal) {
        "reached"
    } else {
        "not reached"
    };
    let bound = unit.show(goal.bound.value());
    let text = format!("{median}, goal {bound} {reached}");
    svg.text((middle, bottom + 2.0 * LINE), Anchor::Middle, &text);
}

/// A mark, with the digits that tell it from the next.
fn shown(unit: Unit, mark: f64, step: f64) -> String {
    let needed = [1.0, 0.1, 0.01].iter().take_while(|least| step < **least);
    let digits = needed.count();
    match unit.name() {
        "" => format!("{mark:.digits$}"),
        name => format!("{mark:.digits$} {name}"),
    }
}
