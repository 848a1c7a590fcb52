// Back and forward: what was shown, where, and the sound under the cursor.

import { batch, signal } from "@preact/signals";
import {
  cursor,
  type Filters,
  filters,
  type Listing,
  listing,
  type Sort,
  sort,
  type View,
  view,
} from "./state.ts";

export interface Moment {
  filters: Filters;
  view: View;
  listing: Listing;
  sort: Sort;
  cursor: number;
}

const MOST = 200;

export class History {
  private past: Moment[] = [];
  private future: Moment[] = [];
  private tag = "";
  readonly length = signal({ back: 0, forward: 0 });

  constructor(
    private readonly now: () => Moment,
    private readonly restore: (moment: Moment) => void,
  ) {}

  /** Keep what is there, before something changes; moves of the same slider are one change. */
  mark(tag = ""): void {
    if (tag && tag === this.tag) return;
    this.tag = tag;
    this.past.push(this.now());
    if (this.past.length > MOST) this.past.shift();
    this.future = [];
    this.count();
  }

  /** From now on the same slider is another change. */
  settle(): void {
    this.tag = "";
  }

  back(): boolean {
    return this.step(this.past, this.future);
  }

  forward(): boolean {
    return this.step(this.future, this.past);
  }

  private step(from: Moment[], to: Moment[]): boolean {
    const moment = from.pop();
    if (!moment) return false;
    to.push(this.now());
    this.tag = "";
    this.restore(moment);
    this.count();
    return true;
  }

  private count(): void {
    this.length.value = { back: this.past.length, forward: this.future.length };
  }
}

export const history = new History(
  () => ({
    filters: filters.value,
    view: view.value,
    listing: listing.value,
    sort: sort.value,
    cursor: cursor.value,
  }),
  (moment) =>
    batch(() => {
      filters.value = moment.filters;
      view.value = moment.view;
      listing.value = moment.listing;
      sort.value = moment.sort;
      cursor.value = moment.cursor;
    }),
);
