import { Tinypool } from 'tinypool';
import { openPool } from './thread-pool.mjs';

export const packages = ['tinypool'];
export const open = () => openPool(Tinypool);
