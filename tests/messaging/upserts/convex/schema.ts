/** The tables of the example; both projects deploy the same. */
export { default } from "../../schema";
