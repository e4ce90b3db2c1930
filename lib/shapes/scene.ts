/** A scene: what its caption asks for, and what is drawn for it. */
import type { Paint } from './paint.js';
import type { Background, Category, Colour, ObjectSize, Relation, Shape, Split } from './vocabulary.js';

/** Objects of one kind that a caption names together. */
export interface Group {
  readonly count: number;
  readonly shape: Shape;
  /** Absent where the caption leaves it open. */
  readonly colour?: Colour;
}

/** What a caption says, and so what a picture is judged by. */
export interface SceneSpec {
  readonly category: Category;
  /** One, or two different ones. */
  readonly groups: readonly Group[];
  /** Of the first group to the second. */
  readonly relation?: Relation;
  readonly background?: Background;
  /** Of a single object. */
  readonly size?: ObjectSize;
}

/** In fractions of the picture's side, from its upper left corner. */
export interface PlacedObject {
  readonly shape: Shape;
  readonly colour: Paint<Colour>;
  readonly x: number;
  readonly y: number;
  /** Half the side of the square that the shape fills. */
  readonly radius: number;
}

export interface Drawing {
  readonly background: Paint<Background>;
  readonly objects: readonly PlacedObject[];
}

export interface Scene {
  readonly split: Split;
  readonly asked: SceneSpec;
  readonly drawn: Drawing;
}
